"""`shuangqian audit log`: the whole log held against Kafka and MongoDB. Exit codes: 0 agrees, 1 parts, 2 could not.
`shuangqian audit log-key`: a new private key for it."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from pymongo import MongoClient
from rich.markup import escape
from rich.table import Table

from audit import log_texts, texts
from audit.bundle_cli import Troubles
from audit.log.checking import check
from audit.log.folder import Folder
from audit.log.keeper import origin
from audit.log.note import NotSigned, Signer
from audit.servers import kafka_said, mongo_said
from runtime.settings import Settings
from schemas.envelope import Json
from web.languages import _, ngettext
from web.shell import N_, AsJson, Failed, Help, out, print_json, progress

AGREES, PARTS, COULD_NOT = 0, 1, 2
#: Places that are shown; those beyond are counted.
SHOWN = 100
HELP = N_(
    "Hold the transparency log against Kafka and MongoDB: the checkpoint, every tile, every recorded event, every "
    "message. Names each place where one says something else. Nothing is written.\n\n"
    "Exit codes: 0 all agree, 1 they part, 2 could not be done."
)
KEY_HELP = N_(
    "Make a new private key for the log, under the log’s own name, and say the public one. Nothing uses it before "
    "SHUANGQIAN_LOG_KEY holds it: docs/how-to/rotate-the-logs-key.md.\n\n"
    "Exit codes: 0 made, 2 could not be done."
)
New = Annotated[Path, typer.Argument(metavar="FILE", help=N_("Where to write it; no file may be there."))]


def add_command(audit: typer.Typer, troubles: Troubles) -> None:
    @audit.command("log-key", help=KEY_HELP)
    def log_key_command(to: New, help: Help = False) -> None:
        settings = Settings.load()
        try:
            known = Folder(settings.log_folder).verifiers()
            made = Signer(known[0].name if known else origin(settings), os.urandom(32))
            with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(f"{made.secret()}\n")
        except NotSigned as error:
            text = _("%(path)s does not hold the log’s public keys: %(error)s.")
            raise Failed(COULD_NOT, text % {"path": settings.log_folder / "key.pub", "error": error}) from None
        except OSError as error:
            text = _("%(path)s cannot be written: %(error)s.")
            raise Failed(COULD_NOT, text % {"path": error.filename or to, "error": error.strerror}) from None
        out().print(str(made.verifier), soft_wrap=True)

    @audit.command("log", help=HELP)
    def log_command(as_json: AsJson = False, help: Help = False) -> None:
        settings = Settings.load()
        with troubles(settings), progress(_("Reading the log")) as bar:
            with MongoClient[Json](settings.mongo_url, tz_aware=True) as client:
                text = _("Reading the histories")
                told = lambda done, of: bar.tell(f"{text}: {done:,} / {of:,}", done, of, done)  # noqa: E731
                outcome = check(settings, client, told)
        read = {"kafka": kafka_said(settings), "mongo": mongo_said(settings)}
        if as_json:
            print_json(asdict(outcome) | read)
        else:
            text = _(
                "The checkpoint has %(size)s leaves; %(recorded)s events are recorded, %(messages)s messages read."
            )
            counts = {"size": outcome.size, "recorded": outcome.recorded, "messages": outcome.messages}
            out().print(text % {name: f"{count:,}" for name, count in counts.items()})
            if outcome.parts:
                table = Table()
                for title in (_("What is wrong"), _("Place"), _("Event"), _("Detail")):
                    table.add_column(title, overflow="fold")
                for each in outcome.parts[:SHOWN]:
                    cells = (log_texts.parted(each.kind), log_texts.place(each.place), each.ref or "", each.detail)
                    table.add_row(*map(escape, cells))
                out().print(table)
                count = len(outcome.parts)
                text = ngettext("They part in %(count)s place.", "They part in %(count)s places.", count)
                out().print(text % {"count": f"{count:,}"})
            else:
                out().print(_("All agree."))
            out().print(f"[dim]{escape(texts.servers(read))}[/]")
        raise typer.Exit(PARTS if outcome.parts else AGREES)
