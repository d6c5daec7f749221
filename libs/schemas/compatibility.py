"""Whether a schema may take the place of a published one: what changed, and whom it would break.

Two parties hold a schema: those who write by it and those who read by it. A change that accepts less breaks writers,
who go on writing as before, and the history that is written already; one that accepts more breaks readers, who meet
what they never heard of. Why events mind both and entries the writers alone: docs/decisions/0008.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any, Literal

import rfc8785

from schemas.envelope import Json
from schemas.finding import pointer

Party = Literal["writers", "readers"]
WRITERS: frozenset[Party] = frozenset({"writers"})
READERS: frozenset[Party] = frozenset({"readers"})
#: What must not break, by the Confluent registry's names for it.
LEVELS: Mapping[str, frozenset[Party]] = {
    "BACKWARD_TRANSITIVE": WRITERS,
    "FULL_TRANSITIVE": WRITERS | READERS,
}

#: What a keyword's absence means where it is a bound, and whether more of it accepts less.
_LOWER = {"minimum": -inf, "exclusiveMinimum": -inf, "minLength": 0, "minItems": 0, "minProperties": 0}
_UPPER = {"maximum": inf, "exclusiveMaximum": inf, "maxLength": inf, "maxItems": inf, "maxProperties": inf}
_FORMS = ("pattern", "format", "multipleOf", "contains", "uniqueItems", "not")
_CHOICES = frozenset({"anyOf", "oneOf"})
#: What says nothing of what is accepted.
_NOTES = {"title", "description", "examples", "example", "discriminator", "deprecated", "readOnly", "writeOnly"}
#: All that is looked at, or may be passed over.
_COMPARED = {
    *(*_LOWER, *_UPPER, *_FORMS, *_CHOICES, *_NOTES),
    *("type", "enum", "const", "properties", "required", "additionalProperties", "items", "allOf", "default"),
    *("$schema", "$id", "$defs", "$comment", "$ref"),
}


@dataclass(frozen=True)
class Change:
    """A difference that breaks somebody: `pointer` into the newer schema, what changed, and why that matters."""

    pointer: str
    what: str
    why: str
    breaks: frozenset[Party]

    def __str__(self) -> str:
        return f"{self.pointer or '/'}: {self.what}: {self.why}"


def breaking(old: Json, new: Json, level: str) -> list[Change]:
    """Every change from a published schema that the level does not allow; empty where `new` may follow `old`."""
    return [change for change in _compare(_Sides(old, new), old, new, ()) if change.breaks & LEVELS[level]]


Path = tuple[str | int, ...]


def meaning(schema: Any) -> Any:
    """A schema without its notes: two with the same meaning need no two versions."""
    if isinstance(schema, list):
        return [meaning(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    fields = {name: meaning(value) for name, value in schema.get("properties", {}).items()}
    said = {name: meaning(value) for name, value in schema.items() if name not in _NOTES}
    return said | ({"properties": fields} if isinstance(schema.get("properties"), dict) else {})


@dataclass(frozen=True)
class _Sides:
    """The two whole schemas, to look definitions up in, and the pairs of definitions that were compared already."""

    old: Json
    new: Json
    seen: set[tuple[str, str]] = field(default_factory=set)


def _compare(sides: _Sides, old: Any, new: Any, path: Path) -> Iterator[Change]:
    """The changes between two schemas, the newer of which stands at `path`."""
    old, new = _as_object(old), _as_object(new)
    if "$ref" in old or "$ref" in new:
        pair = (str(old.get("$ref", "")), str(new.get("$ref", "")))
        if all(pair):
            if pair in sides.seen:
                return
            sides.seen.add(pair)
        if pair[1]:
            path = tuple(pair[1].removeprefix("#/").split("/"))
        old, new = _resolved(sides.old, old), _resolved(sides.new, new)
    yield from _default(old, new, path)
    if any(keyword in each for each in (old, new) for keyword in _CHOICES):
        yield from _alternatives(sides, old, new, path)
        if not all(_CHOICES & each.keys() for each in (old, new)):
            return
        old, new = ({name: each[name] for name in each.keys() - _CHOICES} for each in (old, new))
    yield from _types(old, new, path)
    yield from _values(old, new, path)
    yield from _bounds(old, new, path)
    yield from _fields(sides, old, new, path)
    if "items" in old or "items" in new:
        yield from _compare(sides, old.get("items", True), new.get("items", True), (*path, "items"))
    yield from _conditions(sides, old, new, path)
    for keyword in sorted((old.keys() | new.keys()) - _COMPARED):
        if old.get(keyword) != new.get(keyword):
            yield _other((*path, keyword), f"{keyword} changed", "what that means for others is not known")


def _as_object(schema: Any) -> Json:
    """True accepts all, as {} does; False nothing."""
    return {} if schema is True else {"not": {}} if schema is False else schema


def _default(old: Json, new: Json, path: Path) -> Iterator[Change]:
    if "default" in old and old["default"] != new.get("default", object):
        gone = f"default {old['default']} → {new.get('default', 'none')}"
        yield _other((*path, "default"), gone, "the field's absence would mean something else")


def _resolved(whole: Json, schema: Json) -> Json:
    """A schema with the definition that it refers to in its place. Raises ValueError where there is none."""
    seen = set()
    while "$ref" in schema:
        reference = schema["$ref"]
        if reference in seen or not isinstance(reference, str) or not reference.startswith("#/"):
            raise ValueError(f"{reference} leads to no definition within the schema")
        seen.add(reference)
        found: Any = whole
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        schema = {**found, **{name: value for name, value in schema.items() if name != "$ref"}}
    return schema


def _narrowed(path: Path, what: str, why: str) -> Change:
    return Change(pointer(*path), what, f"{why}: what writers write today would be refused", WRITERS)


def _widened(path: Path, what: str, why: str) -> Change:
    return Change(pointer(*path), what, f"{why}: readers of today would meet what they do not know", READERS)


def _other(path: Path, what: str, why: str) -> Change:
    return Change(pointer(*path), what, why, WRITERS | READERS)


def _types(old: Json, new: Json, path: Path) -> Iterator[Change]:
    """`type`: integers are numbers, and no type is every type."""
    every = {"array", "boolean", "null", "number", "object", "string"}

    def types(schema: Json) -> set[str]:
        said = schema.get("type")
        return every if said is None else {said} if isinstance(said, str) else set(said)

    before, after = types(old), types(new)
    if lost := before - after - ({"integer"} if "number" in after else set()):
        yield _narrowed((*path, "type"), f"no longer {', '.join(sorted(lost))}", "retyped")
    if won := after - before - ({"integer"} if "number" in before else set()):
        yield _widened((*path, "type"), f"may now be {', '.join(sorted(won))}", "retyped")


def _values(old: Json, new: Json, path: Path) -> Iterator[Change]:
    """`enum` and `const`, each a set of values."""

    def values(schema: Json) -> list[Any] | None:
        return [schema["const"]] if "const" in schema else schema.get("enum")

    before, after = values(old), values(new)
    keyword = "const" if "const" in new else "enum"
    if before is None and after is not None:
        yield _narrowed((*path, keyword), f"only {_listed(after)} now", "narrowed")
    elif before is not None and after is None:
        yield _widened(path, "any value now", "widened")
    elif before is not None and after is not None:
        if lost := [value for value in before if value not in after]:
            yield _narrowed((*path, keyword), f"no longer {_listed(lost)}", "a value was removed")
        if won := [value for value in after if value not in before]:
            yield _widened((*path, keyword), f"may now be {_listed(won)}", "a value was added")


def _listed(values: list[Any]) -> str:
    return ", ".join(map(str, values))


def _bounds(old: Json, new: Json, path: Path) -> Iterator[Change]:
    """The least and the most, of numbers, lengths and counts; and the other limits that are there or not."""
    for keyword, none in (*_LOWER.items(), *_UPPER.items()):
        before, after = old.get(keyword, none), new.get(keyword, none)
        if before != after:
            tighter = after > before if keyword in _LOWER else after < before
            change = _narrowed if tighter else _widened
            what = f"{keyword} {old.get(keyword, 'none')} → {new.get(keyword, 'none')}"
            yield change((*path, keyword), what, "narrowed" if tighter else "widened")
    for keyword in _FORMS:
        before, after = old.get(keyword) or None, new.get(keyword) or None
        if before == after:
            continue
        if before is None:
            yield _narrowed((*path, keyword), f"{keyword} {after} now", "narrowed")
        elif after is None:
            yield _widened(path, f"{keyword} is gone", "widened")
        else:
            yield _other((*path, keyword), f"{keyword} {before} → {after}", "another form is asked for")


def _fields(sides: _Sides, old: Json, new: Json, path: Path) -> Iterator[Change]:
    """`properties`, `required` and `additionalProperties`. A field that is renamed is one removed and one added."""
    before, after = old.get("properties", {}), new.get("properties", {})
    needed, needs = set(old.get("required", ())), set(new.get("required", ()))
    for name in before.keys() - after.keys():
        yield _other((*path, "properties"), f"{name} is gone", "a field was removed or renamed")
    for name in sorted(needs - needed):
        yield _narrowed((*path, "required"), f"{name} must be there now", "newly required")
    for name in sorted((needed - needs) & after.keys()):
        yield _widened((*path, "required"), f"{name} may be absent now", "no longer required")
    for name in before.keys() & after.keys():
        yield from _compare(sides, before[name], after[name], (*path, "properties", name))
    more, more_now = old.get("additionalProperties", True), new.get("additionalProperties", True)
    if more != more_now:
        if more is True or more_now is False:
            yield _narrowed((*path, "additionalProperties"), "unknown fields are refused now", "closed")
        elif more is False or more_now is True:
            yield _widened((*path, "additionalProperties"), "unknown fields are let through now", "opened")
        else:
            yield from _compare(sides, more, more_now, (*path, "additionalProperties"))


def _alternatives(sides: _Sides, old: Json, new: Json, path: Path) -> Iterator[Change]:
    """`anyOf` and `oneOf`: each alternative beside the one of its kind or type. A schema alone is a choice of one."""
    before, after = _by_name(sides.old, old), _by_name(sides.new, new)
    keyword = next(iter(_CHOICES & new.keys()), "")
    lost, won = sorted(before.keys() - after.keys()), sorted(after.keys() - before.keys())
    pairs = [(name, name) for name in sorted(before.keys() & after.keys())]
    if len(lost) == len(won) == 1:
        # What is left over on each side is the same alternative, become another.
        pairs.append((lost.pop(), won.pop()))
    for name in lost:
        yield _narrowed((*path, keyword) if keyword else path, f"no longer {name}", "an alternative was removed")
    for name in won:
        yield _widened((*path, keyword) if keyword else path, f"may now be {name}", "an alternative was added")
    for name, now in pairs:
        i, one = after[now]
        yield from _compare(sides, before[name][1], one, (*path, keyword, i) if keyword else path)


def _by_name(whole: Json, schema: Json) -> dict[str, tuple[int, Json]]:
    """The alternatives of a schema by what tells them apart: their `kind`, else their type."""
    keyword = next(iter(_CHOICES & schema.keys()), "")
    alone = {name: value for name, value in schema.items() if name != "default"}
    choices = [(i, one) for i, each in enumerate(schema[keyword] if keyword else [alone]) for one in _by_type(each)]
    named: dict[str, tuple[int, Json]] = {}
    for i, each in choices:
        found = _resolved(whole, each)
        kind = found.get("properties", {}).get("kind", {})
        name = str(kind.get("const") or found.get("type") or "anything").replace("integer", "number")
        if name != "null" or name not in named:
            named[name if name not in named else f"{name} {i}"] = (i, each)
    return named


def _by_type(schema: Any) -> list[Json]:
    """A schema of several types as one for each of them. Null has nothing to be measured by."""
    schema = _as_object(schema)
    types = schema.get("type")
    if not isinstance(types, list):
        return [schema]
    return [{"type": type} if type == "null" else {**schema, "type": type} for type in types]


def _conditions(sides: _Sides, old: Json, new: Json, path: Path) -> Iterator[Change]:
    """`allOf`, as a set of its members; those with the same `if` are compared by what follows."""
    before, after = _by_condition(old.get("allOf", [])), _by_condition(new.get("allOf", []))
    for key in before.keys() - after.keys():
        yield _widened(path, f"no longer asked: {key}", "a condition was removed")
    for key in after.keys() - before.keys():
        yield _narrowed((*path, "allOf", after[key][0]), f"also asked: {key}", "a condition was added")
    for key in before.keys() & after.keys():
        i, one = after[key]
        for branch in ("then", "else"):
            old_branch, new_branch = before[key][1].get(branch, True), one.get(branch, True)
            yield from _compare(sides, old_branch, new_branch, (*path, "allOf", i, branch))


def _by_condition(members: list[Json]) -> dict[str, tuple[int, Json]]:
    return {canonical(each.get("if", each)): (i, each) for i, each in enumerate(members)}


def canonical(schema: Any) -> str:
    """A schema's one form: two that say the same in another order have the same."""
    return rfc8785.dumps(schema).decode()
