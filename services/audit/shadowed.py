"""The other side of a shadow replay: the same streams, folded by changed domain code, in a process of its own.

`python -m audit.shadowed PATH`: PATH holds `services/<service>/domain`, and `libs/schemas` if that is changed too. A
line on stdin is a stream (JSON), a line on stdout is the answer. Nothing of the domain is imported before PATH comes
first.
"""

import hashlib
import importlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

SERVICES = ("submissions", "review", "publishing", "notifications")


def states(decider: Any, events: Sequence[dict[str, Any]]) -> Iterator[bytes]:
    """The state after each event, as JSON with sorted keys; after `!`, what keeps the code from folding one, as the
    last."""
    read = importlib.import_module("schemas.events").from_json
    state = decider.state()
    for event in events:
        try:
            state = decider.evolve(state, read(event).data)
            yield orjson.dumps(state.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
        except Exception as error:
            yield b"!" + repr(error).encode()
            return


def chained(states: Iterator[bytes]) -> str:
    """A hash of all of them, in order."""
    chain = hashlib.sha256()
    for state in states:
        chain.update(len(state).to_bytes(8, "big") + state)
    return chain.hexdigest()


def put_first(path: Path) -> None:
    """Have the packages' modules looked for in PATH before ours."""
    folders = {"schemas": "libs/schemas"} | {name: f"services/{name}" for name in SERVICES}
    for package, folder in folders.items():
        if (path / folder).is_dir():
            importlib.import_module(package).__path__.insert(0, str(path / folder))


def main(path: Path) -> None:
    """Answer until stdin ends; first of all, which services' domains come from PATH."""
    put_first(path)
    domains = {name: importlib.import_module(f"{name}.domain") for name in SERVICES}
    changed = [name for name, module in domains.items() if Path(str(module.__file__)).is_relative_to(path)]
    schemas = importlib.import_module("schemas.envelope").__file__
    _answer({"changed": changed, "schemas": Path(str(schemas)).is_relative_to(path)})
    deciders = {decider.noun: decider for module in domains.values() for decider in module.DECIDERS}
    for line in sys.stdin.buffer:
        asked = orjson.loads(line)
        decider = deciders.get(asked["noun"])
        folded = iter([b"!no such kind of stream"]) if decider is None else states(decider, asked["events"])
        _answer([state.decode() for state in folded] if asked["whole"] else chained(folded))


def _answer(value: Any) -> None:
    sys.stdout.buffer.write(orjson.dumps(value) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
