"""The other side of a shadow replay: the same streams, folded by changed domain code, in a process of its own.

`python -m audit.shadowed PATH`: PATH holds `services/<service>/domain`, and `libs/schemas` if that is changed too. A
line on stdin is a stream (JSON), a line on stdout is the answer. Nothing of the domain is imported before PATH comes
first. Both are this module's own: what the code at PATH prints goes to stderr, and what it would read is not there.
"""

import hashlib
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import orjson

SERVICES = ("submissions", "review", "publishing", "notifications")
#: Where a package's modules lie in a checkout.
FOLDERS = {"schemas": "libs/schemas"} | {name: f"services/{name}" for name in SERVICES}


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
    for package, folder in FOLDERS.items():
        if (path / folder).is_dir():
            importlib.import_module(package).__path__.insert(0, str(path / folder))


def main(path: Path) -> None:
    """Answer until stdin ends; first of all, which services' domains come from PATH."""
    asked, answers = _own(0, os.O_RDONLY, "rb"), _own(1, os.O_WRONLY, "wb")
    os.dup2(2, 1)
    put_first(path)
    domains = {name: importlib.import_module(f"{name}.domain") for name in SERVICES}
    changed = [name for name in SERVICES if comes_from(path, name, f"{name}.domain")]
    _answer(answers, {"changed": changed, "schemas": comes_from(path, "schemas", "schemas")})
    deciders = {decider.noun: decider for module in domains.values() for decider in module.DECIDERS}
    for line in asked:
        question = orjson.loads(line)
        decider = deciders.get(question["noun"])
        folded = iter([b"!no such kind of stream"]) if decider is None else states(decider, question["events"])
        _answer(answers, [state.decode() for state in folded] if question["whole"] else chained(folded))


def comes_from(path: Path, package: str, modules: str) -> bool:
    """Whether any of the modules loaded under this name lies in PATH's own folder of the package: ours may lie below
    PATH too."""
    files = [
        Path(file)
        for name, module in list(sys.modules.items())
        if f"{name}.".startswith(f"{modules}.") and (file := getattr(module, "__file__", None))
    ]
    return any(file.is_relative_to(path / FOLDERS[package]) for file in files)


def _own(descriptor: int, flags: int, mode: str) -> IO[bytes]:
    """A private copy of stdin or stdout, in whose place comes the null device."""
    own: IO[bytes] = os.fdopen(os.dup(descriptor), mode)
    null = os.open(os.devnull, flags)
    os.dup2(null, descriptor)
    os.close(null)
    return own


def _answer(answers: IO[bytes], value: Any) -> None:
    answers.write(orjson.dumps(value) + b"\n")
    answers.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
