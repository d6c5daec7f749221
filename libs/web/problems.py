"""What went wrong, said so that the reader can mend it: RFC 9457 to programs, a page to people."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from web.languages import language, say

#: A problem's `type` is this followed by a short stable name; programs match on it, never on the title.
TYPE_PREFIX = "urn:shuangqian:problem:"


class Problem(Exception):
    """Raise it anywhere below a route: it becomes problem+json, or a page for a browser.

    `type` is the short name (`revision-taken`); `title` and `detail` are texts, or {"zh": …, "en": …}; `members` are
    the extension members of RFC 9457, such as `findings=[…]`, and must be JSON. `links` are where its page leads on,
    text by address; where nobody sets any, it leads to the catalogue, and partners to what they sent.
    """

    def __init__(
        self,
        status: int,
        type: str,
        title: str | Mapping[str, str | None],
        detail: str | Mapping[str, str | None] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(f"{status} {type}")
        self.status, self.type, self.title, self.detail = status, type, title, detail
        self.headers, self.members = dict(headers or {}), members
        self.links: Mapping[str, str | Mapping[str, str | None]] = {}


def wants_page(request: Request) -> bool:
    """True for browsers: they name text/html in Accept; programs send JSON types or */*."""
    return "text/html" in request.headers.get("accept", "")


def as_json(problem: Problem, request_id: str) -> JSONResponse:
    """The problem as RFC 9457 has it, in the language of the request."""
    body = {
        "type": TYPE_PREFIX + problem.type,
        "title": say(problem.title),
        "status": problem.status,
        **({"detail": say(problem.detail)} if problem.detail else {}),
        "instance": f"urn:shuangqian:request:{request_id}",
        **problem.members,
    }
    headers = {"Content-Language": language(), **problem.headers}
    return JSONResponse(body, problem.status, headers, media_type="application/problem+json")
