"""What a submission waits for, said to its partner: nothing waits without a reason that is stated."""

from schemas.submission import Mode
from submissions.queues import Outlook
from web.languages import CITY_TIME, _, day, month


def waits_for(status: str, release: str | None, mode: Mode = "live") -> str:
    """What happens next to a submission of this status, and by whom; empty where nothing more happens."""
    if mode == "test" and status == "received":
        return _("This is a test: it was answered as live would be, and goes no further.")
    match status:
        case "received" | "opened":
            return _("Waits for the automatic checks, which begin by themselves, usually within a minute.")
        case "open":
            return _("Waits for reviewers, who judge it independently of each other.")
        case "in-review":
            return _("Is being reviewed by people who judge it independently of each other.")
        case "changes-requested":
            return _("Waits for you: mend what is asked for and send the next revision.")
        case "approved":
            return _("Approved. It joins the publishers’ queue by itself, usually within a minute.")
        case "queued":
            return _("Waits for a publisher to add it to a month’s release.")
        case "scheduled":
            return _("Is part of the release of %(month)s and becomes public with it.") % {
                "month": month(release or "")
            }
        case "published" | "corrected":
            return _("Is public. To correct it, send the next revision: it is reviewed like the first.")
        case "rejected":
            return _("Was not approved. You may send a new revision that answers the reasons.")
        case "refused":
            return _("Was not taken in: mend the findings and send it again.")
        case "retracted":
            return _("Was taken out of the catalogue by the publishers.")
        case "withdrawn":
            return _("You took it back. Use a new reference to send it again.")
        case "superseded":
            return _("A newer revision took its place.")
        case _:
            return ""


def foreseen(outlook: Outlook) -> list[tuple[str, str]]:
    """Place and expected date, as pairs of what it is and how it stands; none where nothing is waited for."""
    rows = []
    if queue := outlook.queue:
        said = _("%(place)s of %(of)s that wait for reviewers like it, the longest waiting first")
        rows.append((_("Place in the queue"), said % {"place": queue.place, "of": queue.of}))
    if outlook.what:
        name = _("Decision expected") if outlook.what == "decision" else _("Release expected")
        rows.append((name, _when(outlook)))
    return rows


def _when(outlook: Outlook) -> str:
    expected = outlook.expected
    if expected is None and outlook.late:
        return _("It has waited longer than most before it, and too few waited as long to say when.")
    if expected is None:
        return _("Too few came before it to say when.")
    dates = [at.astimezone(CITY_TIME).date() for at in (expected.earliest, expected.likely, expected.to)]
    first, likely, last = (
        [day(at) for at in dates] if expected.what == "decision" else [month(f"{at:%Y-%m}") for at in dates]
    )
    if first == last:
        return likely
    said = _("%(likely)s is likely; between %(first)s and %(last)s, as for eight in ten that waited as long")
    return said % {"likely": likely, "first": first, "last": last}
