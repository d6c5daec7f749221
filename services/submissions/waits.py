"""What a submission waits for, said to its partner: nothing waits without a reason that is stated."""

from schemas.submission import Mode
from web.languages import _, month


def waits_for(status: str, release: str | None, mode: Mode = "live") -> str:
    """What happens next to a submission of this status, and by whom; empty where nothing more happens."""
    if mode == "test" and status == "received":
        return _("This is a test: it was answered as live would be, and goes no further.")
    match status:
        case "received" | "opened":
            return _("Waits for the automatic checks, which begin by themselves, usually within a minute.")
        case "open":
            return _("Waits for reviewers: two independent reviews decide.")
        case "in-review":
            return _("Is being reviewed: two independent reviews decide.")
        case "changes-requested":
            return _("Waits for you: mend what the reviewers ask for and send the next revision.")
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
