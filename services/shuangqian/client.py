"""Asking the server: one request, its answer as JSON, or a Failed that says what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import orjson

from shuangqian.outcomes import KEY_REFUSED, NOT_RIGHT, SERVER_FAILED, UNREACHABLE
from shuangqian.profiles import Access
from web.languages import LANGUAGE_TAGS, _, language
from web.shell import Failed

Json = dict[str, Any]
TIMEOUT_S = 30.0
#: Answers below 500 after which the same request may do: what was not right in it was its time.
PASSING = {408, 425, 429}


class Refused(Failed):
    """An answer that is not what was asked for: the problem as told; `passing` if asking again can help."""

    def __init__(self, code: int, text: str, problem: Json, *, passing: bool) -> None:
        super().__init__(code, text)
        self.problem, self.passing = problem, passing


def headers(access: Access) -> dict[str, str]:
    """What every request carries."""
    return {
        "Authorization": f"Bearer {access.key}",
        "Accept-Language": LANGUAGE_TAGS[language()],
        "User-Agent": "shuangqian",
    }


@contextmanager
def reaching(access: Access) -> Iterator[httpx2.Client]:
    """A client of the server; what keeps it from being reached is a Failed."""
    try:
        with httpx2.Client(base_url=access.url, headers=headers(access), timeout=TIMEOUT_S) as client:
            yield client
    except httpx2.TransportError as error:
        raise unreachable(access, error) from None


def ask(access: Access, path: str, **query: Any) -> Json:
    """The JSON at a path. Raises Failed."""
    with reaching(access) as client:
        answer = client.get(path, params={name: value for name, value in query.items() if value is not None})
    if answer.status_code != 200:
        raise failure(answer.status_code, answer.content)
    try:
        said = answer.json()
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise Failed(SERVER_FAILED, _("This is not the submissions service: %s.") % access.url)
    return said


def partner(access: Access) -> str:
    """The USCC whose key it is; asked of the server where no profile says it."""
    return access.partner or str(ask(access, "/me")["partner"])


def stream(access: Access, reference: str) -> str:
    """A submission's name everywhere: `uscc/reference`, where the reference alone may be given."""
    return reference if "/" in reference else f"{partner(access)}/{reference}"


def unreachable(access: Access, error: BaseException) -> Failed:
    """No answer from the server's address."""
    text = _("%(url)s cannot be reached (%(error)s). Check the address and the network, then try again.")
    return Failed(UNREACHABLE, text % {"url": access.url, "error": str(error) or type(error).__name__})


def broken(error: Exception, unconnected: type[Exception], silent: type[Exception]) -> str:
    """How a connection ended, or was none, in our own words rather than its library's: that names its errors of no
    connection `unconnected`, and those of no answer `silent`."""
    if isinstance(error, unconnected):
        return _("the server cannot be reached")
    return _("the server did not answer in time") if isinstance(error, silent) else _("it was cut off")


def failure(status: int, body: bytes) -> Refused:
    """An answer that is not what was asked for, in the server's own words (RFC 9457), with every finding."""
    try:
        problem = orjson.loads(body)
    except orjson.JSONDecodeError:
        problem = {}
    said = problem if isinstance(problem, dict) else {}
    text = _(". ").join(filter(None, (said.get("title"), said.get("detail")))) or _("The server answered %s.") % status
    if instance := said.get("instance"):
        text += f" ({instance.rpartition(':')[2]})"
    match status:
        case 401 | 403:
            code, text = KEY_REFUSED, text + " " + _("Run: shuangqian login")
        case 429 | 500 | 502 | 503 | 504:
            code, text = SERVER_FAILED, text + " " + _("Nothing is half done: try again later.")
        case 400 | 404 | 409 | 413 | 415 | 422:
            code = NOT_RIGHT
        case _:
            code = SERVER_FAILED
    text = "\n  ".join([text, *map(_told, said.get("findings") or ())])
    return Refused(code, text, said, passing=status >= 500 or status in PASSING)


def _told(finding: Json) -> str:
    """A finding on one line: its place, where it has one, and what it says."""
    where = finding.get("cell") or finding.get("pointer")
    said = str(finding.get("text") or finding.get("rule") or "")
    return f"{where}: {said}" if where else said
