"""What can be wrong with an evidence bundle, in words."""

from collections.abc import Mapping
from pathlib import Path

from audit.bundle_read import DIRECTORY, Fault
from web.languages import _


def claim(what: Mapping[str, str]) -> str:
    """What a bundle says it is of."""
    ((kind, name),) = what.items()
    return {
        "stream": _("all events of the stream %s"),
        "release": _("the release %s, with the whole history of its entries"),
        "month": _("all events of the month %s (UTC)"),
    }[kind] % name


def place(place: str) -> str:
    """Where it is wrong."""
    return _("the archive’s directory") if place == DIRECTORY else place


def fault(kind: Fault) -> str:
    """A fault, in a sentence."""
    return {
        Fault.CUT_SHORT: _("The bundle is cut short, or no bundle"),
        Fault.NO_MANIFEST: _("Its manifest is missing or damaged"),
        Fault.OTHER_KEY: _("It is signed with another key"),
        Fault.WRONG_CHECKPOINT: _("The checkpoint is not signed as it must be"),
        Fault.WRONG_TIMESTAMP: _("The timestamp is of something else"),
        Fault.UNVOUCHED_TIMESTAMP: _("No root that you gave vouches for the timestamp"),
        Fault.CHANGED_EVENT: _("An event was changed"),
        Fault.MISSING_EVENT: _("An event is missing"),
        Fault.WRONG_PROOF: _("A proof does not prove its event"),
        Fault.CHANGED_FILE: _("A file was changed"),
        Fault.MISSING_FILE: _("A file is missing"),
        Fault.EXTRA_FILE: _("A file was added"),
        Fault.FOREIGN_EVENT: _("An event is not of what the bundle says it is of"),
        Fault.OTHER_BYTES: _("The archive is not as an export writes it"),
    }[kind]


def earlier(path: Path, form: str) -> str:
    """That a bundle is of a form that is no longer verified, and the next step."""
    text = _("%(path)s is of an earlier form, %(form)s, which this program does not verify; export it anew.")
    return text % {"path": path, "form": form}


def nothing(reason: str) -> str:
    """Why there is nothing to export, and the next step."""
    return {
        "no-events": _("Nothing of that name has been recorded. Names are exact; new events are there in seconds."),
        "no-checkpoint": _("No checkpoint covers it yet. Try again in some seconds; audit-worker must run."),
        "no-log": _("There is no log in SHUANGQIAN_LOG_FOLDER. It is made where audit-worker runs."),
    }[reason]
