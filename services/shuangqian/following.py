"""`submit --watch`: after sending, stay until each submission is decided."""

import time
from collections import Counter
from dataclasses import dataclass, field

import httpx2
import orjson

from shuangqian import show
from shuangqian.client import Json, failure, partner, reaching
from shuangqian.outcomes import INTERRUPTED, SOME_REFUSED, TAKEN_IN
from shuangqian.profiles import Access
from shuangqian.submitting import Show, printing
from web.languages import _
from web.shell import Bar, Failed, note, progress
from web.words import word

#: A submission of one of these waits for nobody, or for its month; or it waits for its partner.
GOOD = {"approved", "queued", "scheduled", "published", "corrected", "superseded"}
BAD = {"changes-requested", "rejected", "refused", "retracted", "withdrawn"}
#: Seconds between two rounds: they grow while nothing changes.
ROUND_S, ROUND_MOST_S = 1.0, 30.0


@dataclass
class Watch:
    """What is known of the submissions of one run: `sent` says the revision of each reference."""

    client: httpx2.Client
    partner: str
    sent: dict[str, int]
    bar: Bar
    shown: Show
    statuses: dict[str, str] = field(default_factory=dict)

    @property
    def waiting(self) -> list[str]:
        return [reference for reference in self.sent if self.statuses.get(reference) not in GOOD | BAD]

    def round(self) -> bool:
        """Ask after each that is not decided; whether any has changed."""
        before = dict(self.statuses)
        for reference in self.waiting:
            item = self._asked(reference)
            if item is None or item["revision"] < self.sent[reference]:
                continue
            # A newer revision has taken its place: this one is not judged any more.
            status = "superseded" if item["revision"] > self.sent[reference] else item["status"]
            if status != self.statuses.get(reference):
                self.statuses[reference] = status
                self.shown(reference, {name: value for name, value in item.items() if name != "entry"})
        return before != self.statuses

    def _asked(self, reference: str) -> Json | None:
        """A submission as it is now; None where the server is away for the moment."""
        try:
            answer = self.client.get(f"/submissions/{self.partner}/{reference}")
        except httpx2.TransportError as error:
            self.bar.say(_("The server does not answer (%s). Still waiting.") % error)
            return None
        if answer.status_code in (429, 500, 502, 503, 504):
            return None
        if answer.status_code != 200:
            raise failure(answer.status_code, answer.content)
        item: Json = orjson.loads(answer.content)
        return item


def follow(access: Access, sent: dict[str, int], as_json: bool) -> int:
    """Print each change of status of these references until all are decided; the exit code."""
    try:
        with progress(_("Waiting for decisions")) as bar, reaching(access) as client:
            shown = printing(bar, as_json, lambda console, _name, item: show.standing(console, item))
            watch = Watch(client, partner(access), sent, bar, shown)
            pause_s = ROUND_S
            while True:
                pause_s = ROUND_S if watch.round() else min(pause_s * 1.5, ROUND_MOST_S)
                left = len(watch.waiting)
                if not left:
                    break
                bar.say_now(_("%s not decided yet") % f"{left:,}", len(sent) - left, len(sent))
                time.sleep(pause_s)
    except KeyboardInterrupt:
        text = _("No longer watching. Everything sent goes its way: see shuangqian status.")
        raise Failed(INTERRUPTED, text) from None
    counts = Counter(watch.statuses.values())
    note(" · ".join(f"{count:,} {word(status).lower()}" for status, count in sorted(counts.items())))
    return SOME_REFUSED if set(counts) & BAD else TAKEN_IN
