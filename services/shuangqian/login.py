"""Signing in and out: a profile is kept once the server has known its key."""

import os
import sys

import typer

from shuangqian.client import ask
from shuangqian.outcomes import KEY_REFUSED
from shuangqian.profiles import Access, checked, folder, profiles, save
from web.languages import _, say, sentences
from web.shell import Failed, note, out, print_json

#: Where `make run` serves submissions.
LOCAL = "http://localhost:8001"


def sign_in(profile: str, url: str | None, *, key_stdin: bool, as_json: bool) -> None:
    """Ask for what was not given, ask the server, and keep the profile."""
    kept = profiles().get(profile)
    if url is None:
        default = kept.url if kept else LOCAL
        url = typer.prompt(_("Address of the submissions service"), default=default, err=True) if _asks() else default
    access = Access(checked(url), _key(key_stdin))
    said = ask(access, "/me")
    save(profile, Access(access.url, access.key, said["partner"]))
    if as_json:
        print_json({"profile": profile, "url": access.url, **said})
        return
    whose = f"{say(said['name'])} {said['partner']}".strip()
    out().print(_("Signed in as %(whose)s, at %(url)s.") % {"whose": whose, "url": access.url}, markup=False)
    note(_("Kept as profile “%(profile)s” in %(folder)s.") % {"profile": profile, "folder": folder()})


def _key(from_stdin: bool) -> str:
    if from_stdin:
        key = sys.stdin.readline().strip()
    elif _asks():
        key = os.environ.get("SHUANGQIAN_KEY") or typer.prompt(
            _("API key (it is not shown)"), hide_input=True, err=True
        )
    else:
        key = os.environ.get("SHUANGQIAN_KEY", "")
    if not (key.isascii() and key.isprintable() and key):
        raise Failed(
            KEY_REFUSED,
            _("No key was given. Its page is /keys of the service; pass it with --key-stdin or SHUANGQIAN_KEY."),
        )
    return key


def _asks() -> bool:
    return sys.stdin.isatty()


def show(as_json: bool) -> None:
    """Every profile, with the beginning of its key only."""
    kept = profiles()
    if as_json:
        print_json(
            {name: {"url": each.url, "partner": each.partner, "key": short(each)} for name, each in kept.items()}
        )
        return
    if not kept:
        note(sentences(_("There is no profile yet."), _("Run: shuangqian login")))
    for name, each in kept.items():
        out().print(f"{name}  {each.url}  {each.partner}  {short(each)}", markup=False, soft_wrap=True)


def short(access: Access) -> str:
    """What names a key without opening anything: `sq_live_0123456789ab…`."""
    return access.key.rpartition("_")[0] + "…" if access.key.count("_") > 2 else "…"


def sign_out(profile: str) -> None:
    """Forget a profile."""
    if profile not in profiles():
        note(_("There is no profile “%s”.") % profile)
        return
    save(profile, None)
    note(_("Profile “%s” is forgotten here. The key itself goes on: revoke it on the page /keys.") % profile)
