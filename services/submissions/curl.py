"""A command that sends a request of the log again."""

import shlex

from schemas.envelope import Json

#: What a body of each route is called in a curl command, and its type: bodies are not kept.
_BODIES = {
    "/submissions": ("entry.json", "application/json"),
    "/submissions:stream": ("entries.ndjson", "application/x-ndjson"),
    "/submissions:sheet": ("entries.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}


def curl(found: Json, address: str) -> str:
    """A command that sends the request again; the key and the body, which are not kept, are the reader's."""
    query = f"?{found['query']}" if found["query"] else ""
    parts = ["curl"] if found["method"] == "GET" else ["curl", "-X", found["method"]]
    parts += ["-H", '"Authorization: Bearer $KEY"']
    if found["in"]:
        name, type = _BODIES.get(found["route"], ("body.json", "application/json"))
        parts += ["-H", shlex.quote(f"Content-Type: {type}"), "--data-binary", f"@{name}"]
    return " ".join([*parts, shlex.quote(address + found["path"] + query)])
