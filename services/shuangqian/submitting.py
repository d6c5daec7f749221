"""`submit`: entries go out, receipts come back, and what becomes of each can be watched."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from shlex import quote

import orjson
from rich.console import Console

from shuangqian import show
from shuangqian.client import Json, Refused, ask
from shuangqian.entries import Source, opened
from shuangqian.outcomes import INTERRUPTED, NOT_RIGHT, SERVER_FAILED, SOME_REFUSED, TAKEN_IN
from shuangqian.places import KeptPlace
from shuangqian.profiles import Access
from shuangqian.sending import receipts
from web.languages import _, sentences
from web.shell import Bar, Failed, note, out, progress
from web.words import word

Show = Callable[[str, Json], None]


def submit(
    access: Access,
    path: str,
    *,
    validate_only: bool = False,
    watch: bool = False,
    resume: bool = False,
    without: Collection[int] | None = None,
    as_json: bool,
) -> int:
    """Send what a file says; the exit code.

    `without`: the entries that stay. Such a run keeps no place: to go on there would send them, too.
    """
    file, size = opened(path)
    if validate_only:
        with problem_told(as_json):
            check_validates(access, "/submissions:stream")
    way = "validate" if validate_only else "submit"
    place = KeptPlace(None) if without is not None else KeptPlace.of(access, path, way)
    source = Source(path, file, after=begin(place, resume), without=without or ())
    sent: dict[str, int] = {}

    async def go(bar: Bar, counts: Counter[str]) -> None:
        shown = printing(bar, as_json, show.receipt)
        async for line, receipt in receipts(access, source, again(bar), validate_only=validate_only):
            counts[receipt["status"]] += 1
            shown(str(line.number), {**receipt, "line": line.number})
            place.reached(line.number)
            await asyncio.sleep(0)  # an interrupt is heard, though all receipts may have come already
            bar.tell(counted(counts), line.end, size, counts.total())
            if watch and receipt["reference"] and receipt["status"] != "refused":
                sent[receipt["reference"]] = receipt["revision"]

    code = carry_out(go, place, _("Sending"), validate_only, as_json)
    if code == SOME_REFUSED and not validate_only:
        # Not `errors` alone: that passes over what was refused under a number that holds something else.
        mending = "errors" if path == "-" else f"errors --fix --file {quote(path)}"
        note(_("What was wrong, and what would mend it: %s") % f"shuangqian {mending}")
    if watch and sent and not validate_only:
        from shuangqian.following import follow

        return max(code, follow(access, sent, as_json))
    return code


def carry_out(
    go: "Callable[[Bar, Counter[str]], object]", place: KeptPlace, doing: str, validate_only: bool, as_json: bool
) -> int:
    """Run what sends and counts, keep its place if it breaks off, and say how it ended; the exit code."""
    counts: Counter[str] = Counter()
    try:
        with problem_told(as_json), progress(doing) as bar:
            asyncio.run(go(bar, counts))  # type: ignore[arg-type]
            seconds = bar.seconds
    except KeyboardInterrupt:
        place.keep()
        raise Failed(INTERRUPTED, sentences(_("Interrupted."), how_to_go_on(place))) from None
    except Failed as failed:
        place.keep()
        # What must be mended first is refused again, however often it is sent.
        passing = failed.passing if isinstance(failed, Refused) else failed.code != NOT_RIGHT
        raise Failed(failed.code, failed.text + (" " + how_to_go_on(place) if passing else "")) from None
    except BrokenPipeError:
        place.keep()  # whoever reads the receipts has gone: `| head`
        raise
    place.forget()
    text = (
        _("Checked, nothing was taken in: %(counts)s in %(seconds)s s.")
        if validate_only
        else _("Done: %(counts)s in %(seconds)s s.")
    )
    note(text % {"counts": counted(counts), "seconds": f"{seconds:,.1f}"})
    return SOME_REFUSED if counts["refused"] else TAKEN_IN


@contextmanager
def problem_told(as_json: bool) -> Iterator[None]:
    """As JSON, why the server refuses the whole of what is sent is data, too: a last line `{"problem": …}`."""
    try:
        yield
    except Refused as refused:
        if as_json and refused.problem:
            print(orjson.dumps({"problem": refused.problem}).decode(), flush=True)
        raise


def begin(place: KeptPlace, resume: bool) -> int:
    """The line or row after which to begin."""
    if resume:
        note(_("Going on after %s.") % f"{place.after:,}" if place.after else _("There is nothing to go on with."))
        return place.after
    if place.after:
        note(
            _("An earlier run got as far as %s: --resume would go on there. What is sent twice is taken in once.")
            % f"{place.after:,}"
        )
        place.after = 0
    return 0


def how_to_go_on(place: KeptPlace) -> str:
    if not place.after:
        return _("No receipt has come: run the same again. What is sent twice is taken in once.")
    if place.path is None:
        return _(
            "What has a receipt is taken in. Send the rest, or all of it again: what is sent twice is taken in once."
        )
    return _("Up to %s everything has its receipt: run the same with --resume to go on there.") % f"{place.after:,}"


def printing(bar: Bar, as_json: bool, for_people: Callable[[Console, str, Json], None]) -> Show:
    """What prints things one by one: as NDJSON, or for people."""
    if as_json:
        return lambda _name, thing: print(orjson.dumps(thing).decode(), flush=True)
    console = out()
    # With both on one terminal the bar makes room for what is printed.
    target = bar.console if console.is_terminal and bar.console.is_terminal else console
    return lambda name, thing: for_people(target, name, thing)


def again(bar: Bar) -> Callable[[str, float], None]:
    """What tells of another attempt."""

    def tell(what: str, seconds: float) -> None:
        text = _("The connection broke (%(what)s). Trying again in %(seconds)s s.")
        bar.say(text % {"what": what, "seconds": f"{seconds:.1f}"})

    return tell


def counted(counts: Counter[str]) -> str:
    """“1,000 received · 3 refused”."""
    named = [f"{counts[status]:,} {word(status).lower()}" for status in ("received", "revised", "unchanged", "refused")]
    said = [text for text in named if not text.startswith("0 ")]
    return " · ".join(said) or "0"


def check_validates(access: Access, path: str) -> None:
    """Raises Failed where the server does not know `?validate=only`: it would take everything in."""
    operation = ask(access, "/openapi.json").get("paths", {}).get(path, {}).get("post", {})
    if not any(parameter.get("name") == "validate" for parameter in operation.get("parameters", ())):
        raise Failed(SERVER_FAILED, _("This server cannot only validate. Nothing was sent."))
