"""What happens to sources, in words."""

from schemas.envelope import Json
from schemas.rules import Finding
from schemas.texts import worded
from submissions.intake import told
from web.languages import _, language, ngettext, say
from web.problems import Problem


def wrong_address(code: str) -> str:
    """What is wrong with an address that is given, and how to mend it."""
    return {
        "form": _("Enter a full address such as https://data.example.com/entries.json, without a user name or #"),
        "https": _("Enter an address that begins with https://"),
        "private": _("Enter an address that can be reached from the public internet"),
        "port": _("Enter an address on port 443, or on one above 1023"),
    }[code]


def failure(error: Json | None) -> str:
    """Why a fetch brought nothing, and what to do; empty where it did not fail."""
    if error is None:
        return ""
    detail = error["detail"]
    match error["code"]:
        case "redirects":
            return _("It was redirected too often, or in a circle: check what the address answers.")
        case "form" | "https":
            return _("It was redirected where no source may lead: check what the address answers.")
        case "private":
            return _("Its name stands for an address that is not on the public internet.")
        case "port":
            return _("It was redirected to a port that is not allowed: 443 is, and those above 1023 are.")
        case "name":
            return _("Its name was not found: check its spelling, and that it is still registered.")
        case "connect":
            return _("Nobody answers there: check that the server runs and lets us in.")
        case "tls":
            return _("Its certificate is not valid for its name: renew or mend it.")
        case "timeout":
            return _("It did not answer within a minute.")
        case "broken":
            return _("The connection broke off before all was sent.")
        case "status" if detail in ("401", "403"):
            return _("It refused us (HTTP %(status)s): check the token.") % {"status": detail}
        case "status":
            return _("It answered with HTTP %(status)s instead of 200.") % {"status": detail}
        case "coding":
            return _("It is packed as %(coding)s in a way we cannot unpack: send it plain or with gzip.") % {
                "coding": detail
            }
        case "size":
            return _("It is larger than 50 MB, as sent or unpacked: split it into several sources.")
        case "items":
            return _("It lists more than 50,000 entries: split it into several sources.")
        case "json":
            return _("It is not valid JSON: %(error)s.") % {"error": worded("json", detail, language())}
        case "html":
            return _("It answered with a web page, not JSON: check the address, and whether it asks for a token.")
        case "pointer":
            return _("There is no list at %(pointer)s: check the JSON Pointer.") % {"pointer": detail}
        case "table":
            return say(detail)
        case "text" | "header" | "csv":  # of fetches that are kept from before tables were read as sheets are
            return _("It could not be read as a table.")
        case "token":
            return _("Its token can no longer be read, or was given for another host: enter it again.")
        case "ours":
            return _("Something of ours went wrong: nothing of yours was the cause. It is tried again by itself.")
        case code:
            raise AssertionError(f"no text is written for the failure {code}")


def unread(problem: Problem) -> str:
    """What keeps a table from being read, in the language spoken: each of its findings, with its cell."""
    findings = problem.members["findings"]
    said = [f"{each['cell']}{_(': ')}{each['text']}" if each["cell"] else each["text"] for each in findings]
    return say(problem.title) + _(": ") + "".join(f"{'' if language() == 'zh' else ' '}{each}" for each in said).strip()


def note(code: str, count: int) -> str:
    """What else to know of a fetch."""
    told = {
        "repeated": ngettext(
            "%(n)s entry has a reference that another one in the list has: the first counts.",
            "%(n)s entries have a reference that another one in the list has: the first counts.",
            count,
        ),
        "elsewhere": ngettext(
            "%(n)s entry is listed by another of your sources, and is left to it.",
            "%(n)s entries are listed by another of your sources, and are left to it.",
            count,
        ),
        "unsure": ngettext(
            "%(n)s entry was not in the list, but is not withdrawn: part of the list was not legible or may be "
            "missing.",
            "%(n)s entries were not in the list, but are not withdrawn: part of the list was not legible or may be "
            "missing.",
            count,
        ),
        "published": ngettext(
            "%(n)s entry is gone from the list but stays public: ask the publishers to retract it.",
            "%(n)s entries are gone from the list but stay public: ask the publishers to retract them.",
            count,
        ),
        "full": ngettext(
            "%(n)s entry is gone from the list, but its history has no room for its withdrawal.",
            "%(n)s entries are gone from the list, but their histories have no room for their withdrawal.",
            count,
        ),
    }[code]
    return told % {"n": count}


def notes(fetch: Json) -> list[str]:
    return [note(code, count) for code, count in fetch.get("notes", {}).items() if count]


def findings(fetch: Json) -> list[Json]:
    """The findings of a fetch, each with its text, the item's number and its reference; of a table by cell."""
    return [
        {**_told(found), "number": found["number"], "reference": found["reference"]}
        for found in fetch.get("findings", ())
    ]


def _told(found: Json) -> Json:
    return found["told"][language()] if "told" in found else told(Finding.model_validate(found), language())


def standing(code: str) -> str:
    """How a source stands."""
    return {
        "new": _("Not fetched yet"),
        "running": _("Being fetched"),
        "working": _("Working"),
        "held": _("Waits for you"),
        "failing": _("Failing"),
        "asked": _("Paused"),
        "gave-up": _("Paused: failing"),
    }[code]


#: The colour of each: that of a word of libs/web/words.py.
COLOURED = {
    "new": "waiting",
    "running": "waiting",
    "working": "active",
    "held": "requested",
    "failing": "attempted",
    "asked": "closed",
    "gave-up": "refused",
}


def outcome(status: str) -> str:
    """What became of a fetch."""
    return {
        "running": _("Under way"),
        "taken": _("Taken in"),
        "unchanged": _("Nothing changed"),
        "held": _("Withdrawals wait for you"),
        "failed": _("Failed"),
        "interrupted": _("Interrupted; the next one went on"),
    }[status]


#: The colour of each.
OUTCOME_COLOURED = {
    "running": "waiting",
    "taken": "active",
    "unchanged": "closed",
    "held": "requested",
    "failed": "refused",
    "interrupted": "suspended",
}


def every(minutes: int) -> str:
    """A schedule, such as every 15 minutes or every 6 hours."""
    if minutes % 60:
        return ngettext("every %(n)s minute", "every %(n)s minutes", minutes) % {"n": minutes}
    hours = minutes // 60
    return _("every hour") if hours == 1 else _("every %(n)s hours") % {"n": hours}
