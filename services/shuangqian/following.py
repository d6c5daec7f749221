"""`submit --watch`: after sending, stay until each submission is decided."""

import time

import httpx2
import orjson

from shuangqian import show
from shuangqian.client import Json, failure, partner, reaching
from shuangqian.outcomes import INTERRUPTED, SOME_REFUSED, TAKEN_IN
from shuangqian.profiles import Access
from web.languages import _
from web.shell import Bar, Failed, note, out, progress
from web.words import word

#: A submission of one of these waits for nobody but its partner, or for its month.
GOOD = {"approved", "queued", "scheduled", "published", "corrected"}
BAD = {"changes-requested", "rejected", "refused", "retracted", "withdrawn"}
#: Seconds between two rounds: they grow while nothing changes.
ROUND_S, ROUND_MOST_S = 1.0, 30.0


def follow(access: Access, sent: dict[str, int], as_json: bool) -> int:
    """Print each change of status of these references until all are decided; the exit code."""
    stream = partner(access)
    statuses: dict[str, str] = {}
    waiting, pause_s = list(sent), ROUND_S
    console = out()
    try:
        with progress(_("Waiting for decisions")) as bar, reaching(access) as client:
            target = bar.console if console.is_terminal and bar.console.is_terminal else console
            while waiting:
                changed = False
                for reference in list(waiting):
                    item = _asked(client, f"/submissions/{stream}/{reference}", bar)
                    if item is None or item["revision"] < sent[reference]:
                        continue
                    status = item["status"]
                    if statuses.get(reference) != status:
                        changed, statuses[reference] = True, status
                        if as_json:
                            print(orjson.dumps({k: v for k, v in item.items() if k != "entry"}).decode(), flush=True)
                        else:
                            line = f"{show.status(status)}  {reference}  [dim]{item['waits_for']}[/]"
                            target.print(line, soft_wrap=True)
                    if status in GOOD | BAD or item["revision"] > sent[reference]:
                        waiting.remove(reference)
                bar.tell(_("%s not decided yet") % f"{len(waiting):,}", len(sent) - len(waiting), len(sent), len(sent))
                pause_s = ROUND_S if changed else min(pause_s * 1.5, ROUND_MOST_S)
                if waiting:
                    time.sleep(pause_s)
    except KeyboardInterrupt:
        text = _("No longer watching. Everything sent goes its way: see shuangqian status.")
        raise Failed(INTERRUPTED, text) from None
    told = [
        f"{list(statuses.values()).count(status):,} {word(status).lower()}" for status in sorted(set(statuses.values()))
    ]
    note(" · ".join(told))
    return SOME_REFUSED if set(statuses.values()) & BAD else TAKEN_IN


def _asked(client: httpx2.Client, path: str, bar: Bar) -> Json | None:
    """A submission as it is now; None where the server is away for the moment."""
    try:
        answer = client.get(path)
    except httpx2.TransportError as error:
        bar.say(_("The server does not answer (%s). Still waiting.") % error)
        return None
    if answer.status_code in (429, 500, 502, 503, 504):
        return None
    if answer.status_code != 200:
        raise failure(answer.status_code, answer.content)
    item: Json = answer.json()
    return item
