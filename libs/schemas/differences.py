"""In what bytes differ from an event this version knows: field by field, for whoever is to mend them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import reduce
from typing import Any

import orjson
from pydantic import ValidationError

from schemas.envelope import Json
from schemas.events import FACTS
from schemas.finding import pointer, steps
from schemas.json_text import Illegible, read
from schemas.oddities import oddities

#: The attributes that every event has, and what each must be.
ATTRIBUTES: dict[str, type] = {
    "id": str,
    "source": str,
    "subject": str,
    "type": str,
    "time": str,
    "sequence": int,
    "causationid": str,
    "correlationid": str,
    "actor": str,
    "data": dict,
}
#: What Pydantic calls a value that is none of these.
_NOT = {str: "string_type", int: "int_type", dict: "dict_type"}
MOST_SHOWN = 200


@dataclass(frozen=True)
class Difference:
    """`pointer` (RFC 6901) says where, `found` what stands there as JSON (None: nothing), `error` what is wrong with it
    as Pydantic tells its errors, `{type, ctx, loc, msg}`: `web.invalid` says it in the reader's language."""

    pointer: str
    found: str | None
    error: Mapping[str, Any]


def differences(raw: bytes) -> tuple[Difference, ...]:
    """Everything in which bytes differ from an event; nothing where they are one."""
    try:
        value = orjson.loads(raw)
        orjson.dumps(value)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        wrong = _error("illegible", reason=_illegible(raw))
        return (Difference("", raw.decode(errors="replace")[:MOST_SHOWN], wrong),)
    if not isinstance(value, dict):
        return (Difference("", _shown(value), _error("dict_type")),)
    return (*_doubled(raw, value), *_envelope(value), *_data(value))


def _doubled(raw: bytes, value: Json) -> list[Difference]:
    """Fields that stand there twice, with the value that readers keep."""
    places = [where for rule, where, _ in oddities(raw, value) if rule == "repeated-field"]
    return [
        Difference(where, _shown(reduce(_within, steps(where)[1:], value)), _error("repeated-field"))
        for where in places
    ]


def _within(value: Any, step: str) -> Any:
    return value[int(step)] if isinstance(value, list) else value[step]


def _envelope(value: Json) -> list[Difference]:
    found = []
    for name, kind in ATTRIBUTES.items():
        if name not in value:
            found.append(Difference(f"/{name}", None, _error("missing")))
        elif not isinstance(value[name], kind) or isinstance(value[name], bool):
            found.append(Difference(f"/{name}", _shown(value[name]), _error(_NOT[kind])))
    if isinstance(value.get("time"), str):
        try:
            datetime.fromisoformat(value["time"])
        except ValueError:
            found.append(Difference("/time", _shown(value["time"]), _error("datetime_type")))
    type = value.get("type")
    if isinstance(type, str) and type not in FACTS:
        near = get_close_matches(type, FACTS, n=3)
        wrong = _error("literal_error", expected=", ".join(near)) if near else _error("event_type")
        found.append(Difference("/type", _shown(type), wrong))
    return found


def another(pointer: str, found: Any, expected: Any) -> Difference:
    """What makes another event of it: this must stay as it was."""
    return Difference(pointer, _shown(found), _error("identity", expected=_shown(expected)))


def _illegible(raw: bytes) -> str:
    try:
        orjson.dumps(read(raw))
    except Illegible as error:
        return error.reason
    except orjson.JSONEncodeError:  # it reads deeper nesting than it writes
        return "depth"
    return "syntax@1:1"  # a byte order mark, which no event has before it


def _error(type: str, **context: str) -> Json:
    return {"type": type, "msg": "", "loc": (), "ctx": context}


def _data(value: Json) -> list[Difference]:
    fact = FACTS.get(str(value.get("type")))
    if fact is None or not isinstance(value.get("data"), dict):
        return []
    try:
        fact.model_validate(value["data"], strict=False, extra="ignore")
        return []
    except ValidationError as error:
        return [_difference(each) for each in error.errors(include_url=False)]


def _difference(error: Any) -> Difference:
    """One of Pydantic's faults. A union's tag ("entry", "scene", "title") is no step of the way to it."""
    loc = error["loc"]
    path = (*loc[:1], *loc[2:]) if loc[:1] == ("entry",) else loc
    found = error["input"]
    if error["type"].startswith("union_tag"):
        path, found = (*path, "kind"), error.get("ctx", {}).get("tag")
    nothing = error["type"] in ("missing", "union_tag_not_found")
    return Difference(pointer("data", *path), None if nothing else _shown(found), error)


def _shown(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()[:MOST_SHOWN]
