"""`events tail`: each fact of the partner's submissions as it happens, over as many connections as it takes."""

import random
import re
import time
from collections import deque
from datetime import UTC, datetime, timedelta

import httpx2
import orjson

from shuangqian import show
from shuangqian.client import broken, failure, headers, unreachable
from shuangqian.outcomes import INTERRUPTED, NOT_RIGHT, TAKEN_IN
from shuangqian.profiles import Access
from web.languages import CITY_TIME, _
from web.shell import Failed, note, out

#: Seconds without a sign of life after which a connection counts as dropped: the server gives one every ten.
SILENT_S = 45.0
AGAIN_S, AGAIN_MOST_S = 0.5, 30.0
#: Ids remembered, so that a fact that comes twice is shown once.
REMEMBERED = 10_000


def began(text: str, now: datetime) -> datetime:
    """When `--since` says: `2h`, `3d`, a day or a moment; by the city's clocks where no offset is given."""
    try:
        if span := re.fullmatch(r"(\d{1,6})([smhd])", text):
            unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[span[2]]
            return now - timedelta(**{unit: int(span[1])})
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        message = _("This is no time: %s. Write 2h, 3d, 2026-03-05 or 2026-03-05T14:05.")
        raise Failed(NOT_RIGHT, message % text) from None
    return at if at.tzinfo else at.replace(tzinfo=CITY_TIME)


def tail(access: Access, since: str | None, limit: int | None, as_json: bool) -> int:
    """Print facts until `limit` have come, or until interrupted."""
    query = {"since": began(since, datetime.now(UTC)).isoformat()} if since else {}
    follower = _Follower(access, query, limit, as_json)
    attempts = 0
    try:
        while not follower.done:
            came = follower.came
            try:
                follower.follow()
                attempts = 0
            except httpx2.TransportError as error:
                if follower.place is None:
                    raise unreachable(access, error) from None
                attempts = 0 if follower.came > came else attempts + 1
                delay_s = min(AGAIN_MOST_S, AGAIN_S * 2**attempts) * random.uniform(0.8, 1.2)
                what = broken(error, httpx2.ConnectError, httpx2.TimeoutException)
                text = _("The connection broke (%(what)s). Trying again in %(seconds)s s.")
                note(text % {"what": what, "seconds": f"{delay_s:.1f}"})
                time.sleep(delay_s)
    except KeyboardInterrupt:
        raise Failed(INTERRUPTED, _("Ended. Nothing that happens meanwhile is lost: --since tells it.")) from None
    return TAKEN_IN


class _Follower:
    """One `tail`: its place, which outlives a connection, and what was shown already."""

    def __init__(self, access: Access, query: dict[str, str], limit: int | None, as_json: bool) -> None:
        self._access, self._query, self._limit, self._as_json = access, query, limit, as_json
        self._seen: deque[str] = deque(maxlen=REMEMBERED)
        self._out = out()
        self.place: str | None = None
        self.came = 0

    @property
    def done(self) -> bool:
        return self._limit is not None and self.came >= self._limit

    def follow(self) -> None:
        """One connection, until it ends. Raises TransportError where it breaks, Failed where it is refused."""
        said = headers(self._access) | {"Accept": "text/event-stream"}
        if self.place:
            said["Last-Event-ID"] = self.place
        timeout = httpx2.Timeout(10.0, read=SILENT_S)
        with httpx2.Client(base_url=self._access.url, headers=said, timeout=timeout) as client:
            with client.stream("GET", "/events", params={} if self.place else self._query) as answer:
                if answer.status_code in (429, 500, 502, 503, 504):
                    raise httpx2.ReadError(_("The server answered %s.") % answer.status_code)
                if answer.status_code != 200:
                    raise failure(answer.status_code, answer.read())
                for event in httpx2.EventSource(answer):
                    self.place = event.id or self.place
                    if event.data:
                        self._show(event.data)
                    if self.done:
                        return

    def _show(self, text: str) -> None:
        event = orjson.loads(text)
        if event["id"] in self._seen:
            return
        self._seen.append(event["id"])
        self.came += 1
        if self._as_json:
            print(text, flush=True)
        else:
            show.fact(self._out, event)
