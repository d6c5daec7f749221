"""What entries are and were called, so that they are found by the words of a title: a projection of what is recorded.

A document of `titles` is `{_id: partner/reference, kind, title, titles: [{zh, en}], texts}`: `title` is what the newest
revision says, `titles` all that any said, `texts` the same as they are compared. The recorder keeps it; a collection
that was dropped is made again from `recorded`.

Chinese is written without spaces, so a word is any part of a title, as in the public catalogue. Every title is gone
through: they are few and short (100,000 take about half a second), and neither a text index nor trigrams find a word of
two characters.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson
from pymongo import UpdateOne
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from audit.recorder_store import DUPLICATE_KEY
from runtime.searching import literal
from schemas.envelope import Json

#: Events that say what an entry is called: its partner's words, of which all later editions are made.
SAYING = re.compile(r"^submission\.(received|revised)\.")
#: Entries of which the events are looked up, at most.
MATCHED = 500
WORDS = 8
BATCH = 1000
#: Milliseconds after which a search gives up.
WITHIN_MS = 5_000

Title = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Titled:
    """An entry with its title, {zh, en}, and a former one where only that answers what was looked for."""

    entry: str
    kind: str
    title: Title
    former: Title | None = None


class Titles:
    """The collection, and what is asked of it."""

    def __init__(self, database: Database[Json]) -> None:
        self._titles: Collection[Json] = database["titles"]
        self._recorded: Collection[Json] = database["recorded"]

    def catch_up(self, noted: int) -> None:
        """Note what the leaves from `noted` on say, or all where there are no titles at all."""
        first = noted if self._titles.find_one({}, {"_id": 1}) else 0
        wanted = {"leaf": {"$gte": first}, "type": SAYING}
        with self._recorded.find(wanted).sort("leaf", 1) as found:
            while leaves := list(islice(found, BATCH)):
                self.add(leaves)

    def add(self, leaves: Iterable[Json]) -> None:
        """Note what these documents of `recorded` say, in order; what was noted may come again."""
        said = [each for leaf in leaves if SAYING.match(leaf["type"]) and (each := _said(leaf))]
        # Nearly all are the first of their entry. To insert those is three times as fast as to upsert them.
        first = {each["_id"]: each for each in reversed(said)}
        again = [each for each in said if each is not first[each["_id"]]]
        if first:
            try:
                self._titles.insert_many(first.values(), ordered=False)
            except BulkWriteError as error:
                if any(each["code"] != DUPLICATE_KEY for each in error.details["writeErrors"]):
                    raise
                again = [each["op"] for each in error.details["writeErrors"]] + again
        if again:
            self._titles.bulk_write([_more(each) for each in again], ordered=True)

    def find(self, said: str, partner: str | None = None) -> tuple[list[Titled], bool]:
        """The entries of which one title holds all these words, by their names, up to MATCHED; and whether more do."""
        words = folded(said).split()[:WORDS]
        query: Json = {"texts": re.compile("".join(f"(?=.*{literal(word)})" for word in words), re.DOTALL)}
        if partner:
            query["_id"] = re.compile(f"^{literal(partner)}/")
        found = list(self._titles.find(query).sort("_id", 1).limit(MATCHED + 1).max_time_ms(WITHIN_MS))
        return [_titled(each, words) for each in found[:MATCHED]], len(found) > MATCHED

    def of(self, streams: Iterable[str]) -> dict[str, Title]:
        """What the entries are called that these streams (submissions, cases, entries) tell of, by stream."""
        entries = {stream: entry_of(stream) for stream in streams}
        found = self._titles.find({"_id": {"$in": list(set(entries.values()))}}, {"title": 1})
        titles = {each["_id"]: each["title"] for each in found}
        return {stream: titles[entry] for stream, entry in entries.items() if entry in titles}


def entry_of(stream: str) -> str:
    """The entry's name: a case's stream says the revision, too."""
    return stream.partition("@")[0]


def streams_of(entries: Sequence[Titled]) -> Json:
    """A condition on `stream`: those of these entries, in every service."""
    return {"$in": [each.entry for each in entries] + [re.compile(f"^{re.escape(each.entry)}@") for each in entries]}


def folded(text: str) -> str:
    """A text as titles are compared: without regard to case, nor to full or half width."""
    return unicodedata.normalize("NFKC", text).casefold().replace("\0", " ")


def _text(title: Title) -> str:
    return folded("\n".join(filter(None, title.values())))


def _said(leaf: Json) -> Json | None:
    """The document that an event makes; None where it contradicts another, or does not say what it must."""
    try:
        entry: Any = orjson.loads(leaf["event"])["data"]["entry"]
        kind, title = str(entry["kind"]), {name: entry["title"].get(name) for name in ("zh", "en")}
    except (KeyError, TypeError, AttributeError, ValueError):
        return None
    if leaf.get("contradicts") or not all(text is None or isinstance(text, str) for text in title.values()):
        return None
    return {"_id": leaf["stream"], "kind": kind, "title": title, "titles": [title], "texts": [_text(title)]}


def _more(said: Json) -> UpdateOne:
    """The same, where the entry has a document already."""
    now = {name: said[name] for name in ("kind", "title")}
    return UpdateOne(
        {"_id": said["_id"]}, {"$set": now, "$addToSet": {"titles": said["title"], "texts": said["texts"][0]}}
    )


def _titled(document: Json, words: Sequence[str]) -> Titled:
    def answers(title: Title) -> bool:
        return all(word in _text(title) for word in words)

    title = document["title"]
    former = None if answers(title) else next(filter(answers, reversed(document["titles"])), None)
    return Titled(document["_id"], document["kind"], title, former)
