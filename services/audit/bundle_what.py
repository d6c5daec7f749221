"""What an evidence bundle can be of (`what` in its manifest), and which events belong to that. Pure."""

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from schemas.envelope import Json

KINDS = ("stream", "release", "month")


def is_what(what: Any) -> bool:
    """Whether it is {"stream": id}, {"release": month} or {"month": month}."""
    if not isinstance(what, dict) or len(what) != 1:
        return False
    ((kind, name),) = what.items()
    return kind in KINDS and isinstance(name, str) and bool(name) and (kind == "stream" or is_month(name))


def is_month(text: str) -> bool:
    """Whether a text is a month such as 2026-11."""
    return re.fullmatch(r"(?!0000)[0-9]{4}-(0[1-9]|1[0-2])", text, re.ASCII) is not None and text != "9999-12"


def within(month: str) -> tuple[datetime, datetime]:
    """A month's first moment (UTC), and the next month's."""
    begin = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    return begin, begin.replace(year=begin.year + begin.month // 12, month=begin.month % 12 + 1)


def added(event: Json) -> str | None:
    """The entry that an event added to its release."""
    if not event["type"].startswith("release.entry-added."):
        return None
    match event.get("data"):
        case {"line": {"entry": str(entry)}}:
            return entry
        case _:
            return None


def others(what: Mapping[str, str], events: Collection[Json]) -> list[Json]:
    """The events that do not belong to what a bundle is of."""
    match dict(what):
        case {"stream": stream}:
            return [each for each in events if each["subject"] != stream]
        case {"month": month}:
            begin, end = within(month)
            dated: dict[tuple[str, str], list[int]] = {}
            outside: list[Json] = []
            for each in events:
                if begin <= datetime.fromisoformat(each["time"]) < end:
                    dated.setdefault((each["source"], each["subject"]), []).append(each["sequence"])
                else:
                    outside.append(each)
            ends = {stream: (min(numbers), max(numbers)) for stream, numbers in dated.items()}
            return [each for each in outside if not _between(each, ends)]
        case _:
            release = what["release"]
            entries = _entries(release, events)
            stories = {_story(each) for each in events if each["subject"] in entries} - {None}
            return [
                each
                for each in events
                if not _own(release, each) and each["subject"] not in entries and _story(each) not in stories
            ]


def _between(event: Json, ends: Mapping[tuple[str, str], tuple[int, int]]) -> bool:
    """Whether an event stands between others in its stream: an agent's may be dated before the one it follows."""
    number: int = event["sequence"]
    first, last = ends.get((event["source"], event["subject"]), (0, 0))
    return first < number < last


def lacking(what: Mapping[str, str], events: Collection[Json]) -> list[str]:
    """The names of events that a release's bundle must hold, and does not: its first, and the first of each entry."""
    if "release" not in what:
        return []
    release, there = what["release"], {(each["source"], each["subject"]) for each in events}
    streams = [release, *sorted(_entries(release, events))]
    return [f"/publishing/{stream}/1" for stream in streams if ("/publishing", stream) not in there]


def _story(event: Json) -> str | None:
    story = event.get("correlationid")
    return story if isinstance(story, str) else None


def _own(release: str, event: Json) -> bool:
    return (event["source"], event["subject"]) == ("/publishing", release)


def _entries(release: str, events: Collection[Json]) -> set[str]:
    return {entry for each in events if _own(release, each) and (entry := added(each)) is not None}
