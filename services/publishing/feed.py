"""The catalogue as an Atom feed (RFC 4287)."""

from collections.abc import Sequence
from datetime import datetime
from xml.etree import ElementTree as xml

from publishing.store import Shown
from schemas.envelope import timestamp
from web.languages import LANGUAGE_TAGS, language, say
from web.words import word

ATOM = "http://www.w3.org/2005/Atom"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def atom(title: str, site: str, query: str, updated: datetime, entries: Sequence[Shown]) -> bytes:
    """A feed of entries in the language spoken. `site` is this service's address, `query` the feed's own filters.

    An entry's id is a URN, the same in every language and edition; its `updated` is that of its latest edition.
    """
    xml.register_namespace("", ATOM)
    feed = xml.Element(f"{{{ATOM}}}feed", {LANG: LANGUAGE_TAGS[language()]})
    _text(
        feed, "id", ":".join(["urn:shuangqian:catalogue", *filter(None, [query.replace("=", ":").replace("&", ":")])])
    )
    _text(feed, "title", title)
    _text(feed, "updated", timestamp(updated))
    _link(feed, "self", f"{site}/feed.atom?{_and(query, f'lang={language()}')}", "application/atom+xml")
    _link(feed, "alternate", f"{site}/catalogue?{_and(query, f'lang={language()}')}", "text/html")
    for shown in entries:
        _entry(feed, site, shown)
    return bytes(xml.tostring(feed, encoding="utf-8", xml_declaration=True))


def _entry(feed: xml.Element, site: str, shown: Shown) -> None:
    entry = xml.SubElement(feed, f"{{{ATOM}}}entry")
    _text(entry, "id", f"urn:shuangqian:entry:{shown.id}")
    _text(entry, "title", say(shown.entry["title"]))
    _text(entry, "updated", timestamp(shown.published_at))
    author = xml.SubElement(entry, f"{{{ATOM}}}author")
    _text(author, "name", say(shown.entry["owner"]["name"]))
    _link(entry, "alternate", f"{site}{shown.path}?lang={language()}", "text/html")
    for code in filter(None, (shown.kind, shown.sector, shown.entry["district"])):
        xml.SubElement(entry, f"{{{ATOM}}}category", {"term": code, "label": word(code)})
    _text(entry, "summary", say(shown.entry["summary"]))


def _text(parent: xml.Element, name: str, text: str) -> None:
    xml.SubElement(parent, f"{{{ATOM}}}{name}").text = text


def _link(parent: xml.Element, rel: str, href: str, type: str) -> None:
    xml.SubElement(parent, f"{{{ATOM}}}link", {"rel": rel, "href": href, "type": type})


def _and(*queries: str) -> str:
    return "&".join(filter(None, queries))
