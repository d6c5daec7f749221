"""A command that sends a request of the log again."""

import shlex

from schemas.envelope import Json
from submissions.request_log import MOST_CHARACTERS
from submissions.sheets.reading import CSV, XLSX
from web.languages import ngettext

#: What a body of each route is called in a curl command, and its type where none of ours was said: bodies are not kept.
_BODIES = {
    "/submissions": ("entry", "application/json"),
    "/submissions:stream": ("entries", "application/x-ndjson"),
    "/submissions:sheet": ("entries", XLSX),
}
_ENDINGS = {"application/json": "json", "application/x-ndjson": "ndjson", CSV: "csv", XLSX: "xlsx"}


def curl(found: Json, address: str) -> str:
    """A command that sends the request again; the key and the body, which are not kept, are the reader's. Where a
    parameter is not kept either, a comment before it says so."""
    query = f"?{found['query']}" if found["query"] else ""
    parts = ["curl"] if found["method"] == "GET" else ["curl", "-X", found["method"]]
    parts += ["-H", '"Authorization: Bearer $KEY"']
    if accept := found.get("accept"):
        at_once = ["-N"] if "text/event-stream" in accept else []
        parts += [*at_once, "-H", shlex.quote(f"Accept: {accept}")]
    # Of what was refused before its body was read none came in: it is sent with one all the same.
    if found["in"] or (found["method"] == "POST" and found["route"] in _BODIES):
        name, usual = _BODIES.get(found["route"], ("body", "application/json"))
        type = found.get("type") or usual
        parts += ["-H", shlex.quote(f"Content-Type: {type}"), "--data-binary", f"@{name}.{_ENDINGS[type]}"]
    command = " ".join([*parts, shlex.quote(address + found["path"] + query)])
    return f"# {said}\n{command}" if (said := left_out(found)) else command


def left_out(found: Json) -> str:
    """That parameters of a request are not kept, as a sentence; empty where all are."""
    count = found.get("left_out", 0)
    if not count:
        return ""
    said = ngettext(
        "%(n)s parameter of the request is left out here: "
        "only this service’s own are kept, and no more than %(most)s characters.",
        "%(n)s parameters of the request are left out here: "
        "only this service’s own are kept, and no more than %(most)s characters.",
        count,
    )
    return said % {"n": count, "most": MOST_CHARACTERS}
