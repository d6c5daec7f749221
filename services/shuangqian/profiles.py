"""Who the command line acts as: profiles by name, in the user's configuration folder, readable by nobody else."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import typer

from shuangqian.outcomes import KEY_REFUSED, NOT_RIGHT
from web.languages import _, sentences
from web.shell import Failed


@dataclass(frozen=True)
class Access:
    """An address, the key used there, and whose it is (the USCC; empty where nobody has asked yet)."""

    url: str
    key: str
    partner: str = ""


def folder() -> Path:
    """Where profiles and the places of unfinished runs are kept; made where it is missing."""
    made = Path(typer.get_app_dir("shuangqian"))
    made.mkdir(mode=0o700, parents=True, exist_ok=True)
    return made


def profiles() -> dict[str, Access]:
    """Every profile by its name."""
    path = folder() / "profiles.json"
    return {name: Access(**said) for name, said in json.loads(path.read_text()).items()} if path.exists() else {}


def save(name: str, access: Access | None) -> None:
    """Keep a profile under this name; None forgets it."""
    kept = {**profiles(), name: access}
    write_whole(folder() / "profiles.json", {name: asdict(each) for name, each in kept.items() if each})


def write_whole(path: Path, value: object) -> None:
    """Write JSON that only the user can read, so that a reader sees the old text or the new one."""
    beside = path.with_suffix(".new")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(value, file, ensure_ascii=False, indent=1)
    beside.replace(path)


def access(profile: str, url: str | None) -> Access:
    """The access that profile, address and environment (SHUANGQIAN_KEY) come to; Failed where there is no key."""
    kept, key = profiles().get(profile), os.environ.get("SHUANGQIAN_KEY")
    where = (url or (kept.url if kept else "")).rstrip("/")
    if where:
        checked(where)
    # A key is sent to the address it was kept for and to no other.
    if kept and kept.url == where and key in (None, kept.key):
        return kept
    if where and key:
        return Access(where, key)
    if where and kept:
        text = _("There is no key for %(url)s: profile “%(profile)s” is for %(other)s.")
        text %= {"url": where, "profile": profile, "other": kept.url}
        raise Failed(KEY_REFUSED, sentences(text, _how()))
    raise Failed(KEY_REFUSED, sentences(_("You are not signed in (profile “%s”).") % profile, _how()))


def checked(url: str) -> str:
    """The address, without a slash at its end. Raises Failed where it is none."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        text = _("This is not an address: %s. It looks like https://submissions.example.org.")
        raise Failed(NOT_RIGHT, text % url)
    return url.rstrip("/")


def _how() -> str:
    return _("Run: shuangqian login")
