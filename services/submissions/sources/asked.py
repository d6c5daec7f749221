"""What a partner asks of a source, by page or by program, and what is wrong with it."""

import re
from dataclasses import dataclass, field

import httpx2
from jsonpointer import JsonPointer, JsonPointerException

from runtime.outbound import Reach
from schemas.source import Terms
from submissions.sources import fetch
from submissions.sources.texts import wrong_address
from web.languages import _

TOKEN = re.compile(r"[!-~]{1,2000}")
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
MOST_MINUTES = 7 * 24 * 60
#: What in an address would be a secret, which would then be in the history.
SECRET = re.compile(r"(?i)(^|[-_])(token|key|apikey|secret|password|passwd|sig|signature)$")


@dataclass(frozen=True)
class Asked:
    """What a partner says of a source, before it is judged; `token` None: the one that is kept."""

    name: str
    address: str
    format: str
    pointer: str
    content: str
    every_minutes: int | None
    language: str
    token: str | None = field(default=None, repr=False)

    def terms(self) -> Terms:
        """Its terms, once it has no faults."""
        said = {name: getattr(self, name) for name in Terms.model_fields}
        return Terms.model_validate(said | ({} if self.format == "json" else {"pointer": ""}))


def faults(asked: Asked, within: Reach, least: int) -> dict[str, str]:
    """What is wrong with what is asked, by field, in the language spoken; nothing if all is well. `least`: minutes."""
    found: dict[str, str] = {}
    if not NAME.fullmatch(asked.name):
        found["name"] = _("Enter a name of small letters, digits and hyphens, at most 40")
    if wrong := fetch.fault(asked.address, within):
        found["address"] = wrong_address(wrong)
    elif any(SECRET.search(name) for name in httpx2.URL(asked.address).params):
        found["address"] = _("Take the secret out of the address, and enter it as the token: the address is shown")
    if asked.format not in ("json", "ndjson", "csv"):
        found["format"] = _("Choose how it is written")
    if not _is_pointer(asked.pointer):
        found["pointer"] = _("Enter a JSON Pointer such as /data/items, or nothing")
    if asked.content not in ("entries", "lines"):
        found["content"] = _("Choose what it holds")
    if asked.every_minutes is None or not least <= asked.every_minutes <= MOST_MINUTES:
        found["every_minutes"] = _("Enter a number of minutes from %(least)s to %(most)s") % {
            "least": least,
            "most": MOST_MINUTES,
        }
    if asked.language not in ("zh", "en"):
        found["language"] = _("Choose a language")
    if asked.token and not TOKEN.fullmatch(asked.token):
        found["token"] = _("Enter the token alone, without spaces or line breaks, at most 2,000 characters")
    return found


def _is_pointer(text: str) -> bool:
    try:
        JsonPointer(text)
        return len(text) <= 200
    except JsonPointerException:
        return False
