"""`shuangqian audit export | verify`: evidence bundles. Exit codes as the auditor's other commands have them:
0 it holds (or was written), 1 it does not hold, 2 could not be done."""

from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Protocol

import typer
from cryptography.x509 import Certificate, load_pem_x509_certificates
from pymongo import MongoClient
from rich.console import Console
from rich.table import Table

from audit import bundle_texts, log_texts
from audit.bundle_export import Altered, DoesNotHold, NothingThere, TilesDoNotLead, export
from audit.bundle_read import EarlierForm
from audit.bundle_verify import Outcome, verify
from audit.bundle_what import is_month
from audit.log.note import NotSigned, Verifier, verifiers
from audit.terminal import plain
from runtime.settings import Settings
from schemas.envelope import Json
from web.languages import _, ngettext
from web.shell import N_, AsJson, Failed, Help, out, print_json

HOLDS, DOES_NOT, COULD_NOT = 0, 1, 2

Out = Annotated[Path, typer.Argument(metavar="OUT.zip", help=N_("Where to write the bundle."))]
Path_ = Annotated[Path, typer.Argument(metavar="BUNDLE", help=N_("The bundle, a zip."))]
Stream = Annotated[str | None, typer.Option(metavar="ID", help=N_("All events of one stream."))]
Release = Annotated[
    str | None, typer.Option(metavar="YYYY-MM", help=N_("A release, with the whole history of its entries."))
]
Month = Annotated[str | None, typer.Option(metavar="YYYY-MM", help=N_("All events of a month (UTC)."))]
Key = Annotated[
    str | None, typer.Option(metavar="KEY", help=N_("The log’s public key, or a file of its keys, as you know them."))
]
Roots = Annotated[
    Path | None,
    typer.Option(
        "--tsa-root", metavar="FILE", help=N_("Root certificates (PEM) of time-stamping authorities you trust.")
    ),
]
EXPORT_HELP = N_(
    "Write an evidence bundle: events, the proof that each is in the transparency log, the signed checkpoint, "
    "the keys, and a page that explains.\n\nExit codes: 0 written, 2 could not be done."
)
VERIFY_HELP = N_(
    "Verify an evidence bundle, without any network.\n\n"
    "Says what holds, or names every fault with its place. Without --key the bundle’s own key is used, which proves "
    "only that the bundle agrees with itself.\n\nExit codes: 0 it holds, 1 it does not, 2 could not be done."
)


class Troubles(Protocol):
    def __call__(self, settings: Settings, /) -> AbstractContextManager[None]: ...


def add_commands(audit: typer.Typer, troubles: Troubles) -> None:
    """Add both commands; `troubles` tells of servers that are away."""

    @audit.command("export", help=EXPORT_HELP)
    def export_command(
        to: Out, stream: Stream = None, release: Release = None, month: Month = None, help: Help = False
    ) -> None:
        named = {"stream": stream, "release": release, "month": month}
        what = {name: value for name, value in named.items() if value}
        if len(what) != 1:
            raise Failed(COULD_NOT, _("Give one of --stream, --release and --month."))
        for wanted in (release, month):
            if wanted and not is_month(wanted):
                raise Failed(COULD_NOT, _("%s is not a month such as 2026-11.") % wanted)
        settings = Settings.load()
        try:
            with troubles(settings), MongoClient[Json](settings.mongo_url, tz_aware=True) as client:
                made = export(settings, client[settings.database("audit")], what, to)
        except NothingThere as nothing:
            raise Failed(COULD_NOT, bundle_texts.nothing(nothing.reason)) from None
        except Altered as altered:
            raise Failed(COULD_NOT, log_texts.altered(altered.leaf, altered.ref)) from None
        except TilesDoNotLead as tiles:
            text = _(
                "The tiles in %(folder)s do not lead from leaf %(leaf)s to the checkpoint: one of them was changed. "
                "`shuangqian audit log` names it."
            )
            raise Failed(COULD_NOT, text % {"folder": settings.log_folder, "leaf": f"{tiles.leaf:,}"}) from None
        except DoesNotHold as broken:
            found = broken.found
            text = _(
                "What is recorded makes no bundle that holds: %(fault)s (%(place)s). "
                "`shuangqian audit log` says whether a record is gone or was changed."
            )
            said = {"fault": bundle_texts.fault(found.fault), "place": bundle_texts.place(found.place)}
            raise Failed(COULD_NOT, text % said) from None
        except (NotSigned, LookupError) as error:
            text = _("The log in %(folder)s cannot prove it (%(error)s). Set SHUANGQIAN_LOG_FOLDER to the log’s own.")
            raise Failed(COULD_NOT, text % {"folder": settings.log_folder, "error": error}) from None
        except OSError as error:
            text = _("%(path)s cannot be written: %(error)s.")
            raise Failed(COULD_NOT, text % {"path": to, "error": error.strerror}) from None
        count = len(made.items)
        text = ngettext(
            "%(count)s event and its proof, under the checkpoint of %(size)s leaves, are in %(path)s.",
            "%(count)s events and their proofs, under the checkpoint of %(size)s leaves, are in %(path)s.",
            count,
        )
        out().print(plain(text % {"count": f"{count:,}", "size": f"{made.head.size:,}", "path": to}))

    @audit.command("verify", help=VERIFY_HELP)
    def verify_command(
        bundle: Path_, key: Key = None, tsa_root: Roots = None, as_json: AsJson = False, help: Help = False
    ) -> None:
        try:
            outcome = verify(bundle, _keys(key), _roots(tsa_root))
        except OSError as error:
            text = _("%(path)s cannot be read: %(error)s.")
            raise Failed(COULD_NOT, text % {"path": bundle, "error": error.strerror}) from None
        except EarlierForm as form:
            raise Failed(COULD_NOT, bundle_texts.earlier(bundle, str(form))) from None
        if as_json:
            print_json(asdict(outcome) | {"holds": outcome.holds})
        else:
            _show(outcome, key is not None, tsa_root is not None)
        raise typer.Exit(HOLDS if outcome.holds else DOES_NOT)


def _keys(given: str | None) -> tuple[Verifier, ...]:
    if given is None:
        return ()
    try:
        path = Path(given)
        found = verifiers(path.read_text() if "+" not in given and path.is_file() else given)
        if not found:
            raise NotSigned("no key")
        return found
    except (NotSigned, OSError, UnicodeDecodeError) as error:
        text = _("%s is no public key in the form of a signed note, such as /log/key serves.")
        raise Failed(COULD_NOT, text % given) from error


def _roots(given: Path | None) -> list[Certificate]:
    if given is None:
        return []
    try:
        return load_pem_x509_certificates(given.read_bytes())
    except (OSError, ValueError) as error:
        raise Failed(COULD_NOT, _("%s is no file of certificates in PEM form.") % given) from error


def _show(outcome: Outcome, key_given: bool, roots_given: bool) -> None:
    console = out()
    if outcome.holds:
        text = ngettext(
            "It holds: %(count)s event is in the log %(log)s, whose tree had %(size)s leaves.",
            "It holds: %(count)s events are in the log %(log)s, whose tree had %(size)s leaves.",
            outcome.events,
        )
        count = f"{outcome.events:,}"
        said = text % {"count": count, "log": outcome.log, "size": f"{outcome.size:,}"}
        console.print(plain(said), soft_wrap=True)
    else:
        console.print(_("It does not hold."))
        table = Table()
        for title in (_("What is wrong"), _("Place"), _("Detail")):
            table.add_column(title, overflow="fold")
        for each in outcome.faults:
            cells = (bundle_texts.fault(each.fault), bundle_texts.place(each.place), each.detail)
            table.add_row(*map(plain, cells))
        console.print(table)
    if outcome.what:
        _show_claim(console, outcome)
    if outcome.fingerprint:
        console.print(_("Fingerprint: %s") % outcome.fingerprint)
    if outcome.holds:
        for key in outcome.witnesses:
            console.print(plain(_("Cosigned by the witness that has the key %s") % key), soft_wrap=True)
        if outcome.authority:
            text = _("Timestamped at %(time)s by %(authority)s, for whom a root that you gave vouches.")
            console.print(plain(text % {"time": outcome.stamped, "authority": outcome.authority}))
        elif outcome.stamped:
            text = _("Timestamped at %s, signed by a certificate that nobody vouches for here: give --tsa-root FILE.")
            console.print(plain(text % outcome.stamped))
        elif roots_given:
            console.print(_("It holds no timestamp."))
        if not key_given:
            console.print(plain(_("By the key that the bundle itself brings: %s") % outcome.key), soft_wrap=True)
            console.print(_("Compare it with the log’s key as you know it, or give that with --key."))


def _show_claim(console: Console, outcome: Outcome) -> None:
    """What the bundle says it is; when it was made is its maker's word even where it holds."""
    count = ngettext("%(count)s stream", "%(count)s streams", outcome.streams) % {"count": f"{outcome.streams:,}"}
    text = _("It says that it is: %(claim)s (%(streams)s).")
    said = text % {"claim": bundle_texts.claim(outcome.what), "streams": count}
    console.print(plain(said), soft_wrap=True)
    console.print(plain(_("Made at %s, as whoever made it says.") % outcome.made), soft_wrap=True)
