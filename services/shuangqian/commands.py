"""The partners' commands: what they are called and what they take. What does them is imported when it is asked for."""

import sys
from pathlib import Path
from shlex import quote
from typing import Annotated, Literal

import typer

from shuangqian.outcomes import NOT_RIGHT
from web.languages import _
from web.shell import N_, TYPER, AsJson, Failed, Help, note

Profile = Annotated[
    str, typer.Option("--profile", metavar="NAME", envvar="SHUANGQIAN_PROFILE", help=N_("Who to act as."))
]
Url = Annotated[
    str | None, typer.Option("--url", metavar="URL", envvar="SHUANGQIAN_URL", help=N_("Address, if not the profile’s."))
]
ValidateOnly = Annotated[bool, typer.Option("--validate-only", help=N_("Apply every rule, and take nothing in."))]
Resume = Annotated[bool, typer.Option("--resume", help=N_("Go on after the last receipt of a run that broke off."))]
Kind = Annotated[
    Literal["scene", "product", "linkage"] | None, typer.Option("--kind", help=N_("Entries of one kind only."))
]
File = Annotated[
    str, typer.Argument(metavar="FILE", help=N_("NDJSON, a JSON entry, or a JSON list; - is standard input."))
]
Folder = Annotated[Path, typer.Option("--folder", metavar="DIR", help=N_("The run folder of the stack, if not .run."))]
Reference = Annotated[
    str | None, typer.Argument(metavar="REF", help=N_("Your reference, or USCC/reference. All, if not given."))
]


def add(app: typer.Typer) -> None:
    """Put the partners' commands on the program."""
    app.command("login", help=N_("Sign in: check an API key with the server and keep it as a profile."))(login)
    app.command("logout", help=N_("Forget a profile."))(logout)
    app.command("submit", help=SUBMIT)(submit)
    app.command("import", help=IMPORT)(import_)
    app.command("status", help=N_("Where a submission is, what it waits for, and its story; or the list of all."))(
        status
    )
    app.command("errors", help=ERRORS)(errors)
    events = typer.Typer(**TYPER)
    events.callback()(group)
    events.command("tail", help=TAIL)(tail)
    app.add_typer(events, name="events", help=N_("What happens to your submissions."))
    ops = typer.Typer(**TYPER)
    ops.callback()(group)
    ops.command("status", help=N_("The processes of the stack that runs here, and what waits for them."))(ops_status)
    ops.command("scale", help=SCALE)(ops_scale)
    app.add_typer(ops, name="ops", help=N_("Operate the stack that runs on this machine."))


SUBMIT = N_(
    "Send entries in. Each gets a receipt, in order, as soon as it is stored for good.\n\n"
    "A connection that breaks is made again, and goes on after the last receipt. What is sent twice is taken in once."
)
IMPORT = N_(
    "Send a CSV or XLSX sheet in: a receipt a row. Templates are on the page where entries are sent.\n\n"
    "What is sent twice is taken in once."
)
ERRORS = N_(
    "What was refused: every finding, its rule, its place, what was found and what would mend it.\n\n"
    "With --fix the sure fixes are applied to a file of yours. Exit code 1 while anything is to be mended."
)
SCALE = N_(
    "Have so many workers of a service run, while all goes on: review-worker=3.\n\n"
    "Nothing is lost and no partition stands still for longer than a few seconds. On Kubernetes KEDA does it."
)
TAIL = N_("Print each fact as it happens, one a line, until interrupted. A connection that breaks is made again.")


def group(help: Help = False) -> None:
    pass


def login(
    profile: Profile = "default",
    url: Url = None,
    key_stdin: Annotated[bool, typer.Option("--key-stdin", help=N_("Read the key from standard input."))] = False,
    show: Annotated[bool, typer.Option("--show", help=N_("List the profiles; sign in nowhere."))] = False,
    as_json: AsJson = False,
    help: Help = False,
) -> None:
    from shuangqian import login as doing

    if show:
        doing.show(as_json)
    else:
        doing.sign_in(profile, url, key_stdin=key_stdin, as_json=as_json)


def logout(profile: Profile = "default", help: Help = False) -> None:
    from shuangqian.login import sign_out

    sign_out(profile)


def submit(
    file: File,
    validate_only: ValidateOnly = False,
    watch: Annotated[bool, typer.Option("--watch", help=N_("Stay until each submission is decided."))] = False,
    resume: Resume = False,
    profile: Profile = "default",
    url: Url = None,
    as_json: AsJson = False,
    help: Help = False,
) -> None:
    from shuangqian.profiles import access
    from shuangqian.submitting import submit as send

    _to_come_back_to(file, resume)
    given = access(profile, url)
    raise typer.Exit(send(given, file, validate_only=validate_only, watch=watch, resume=resume, as_json=as_json))


def import_(
    file: Annotated[str, typer.Argument(metavar="FILE", help=N_("A .csv, .tsv, .txt or .xlsx file."))],
    kind: Annotated[
        Literal["scene", "product", "linkage"] | None,
        typer.Option("--kind", help=N_("The kind of its entries; only an .xlsx file may do without.")),
    ] = None,
    validate_only: ValidateOnly = False,
    resume: Resume = False,
    marked: Annotated[
        str | None, typer.Option("--marked", metavar="OUT", help=N_("Write the sheet here, its bad cells marked."))
    ] = None,
    profile: Profile = "default",
    url: Url = None,
    as_json: AsJson = False,
    help: Help = False,
) -> None:
    from shuangqian.importing import import_sheet
    from shuangqian.profiles import access

    _to_come_back_to(file, resume)
    given = access(profile, url)
    raise typer.Exit(
        import_sheet(given, file, kind=kind, validate_only=validate_only, resume=resume, marked=marked, as_json=as_json)
    )


def _to_come_back_to(file: str, resume: bool) -> None:
    if resume and file == "-":
        raise Failed(NOT_RIGHT, _("Standard input cannot be resumed: there is no file to come back to."))


def status(
    reference: Reference = None,
    status: Annotated[
        str | None, typer.Option("--status", metavar="STATUS", help=N_("Of this status only, such as in-review."))
    ] = None,
    kind: Kind = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, metavar="N", help=N_("How many; with --json whole pages."))
    ] = 25,
    after: Annotated[
        str | None, typer.Option("--after", metavar="PLACE", help=N_("The “next” of the page before (--json)."))
    ] = None,
    profile: Profile = "default",
    url: Url = None,
    as_json: AsJson = False,
    help: Help = False,
) -> None:
    from shuangqian.profiles import access
    from shuangqian.status import many, one

    given = access(profile, url)
    if reference:
        raise typer.Exit(one(given, reference, as_json))
    raise typer.Exit(many(given, status=status, kind=kind, limit=limit, after=after, as_json=as_json))


def errors(
    reference: Reference = None,
    mended: Annotated[bool, typer.Option("--mended", help=N_("Those that are settled, too."))] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help=N_("Apply the fixes to --file and write the mended file."))
    ] = False,
    file: Annotated[str | None, typer.Option("--file", metavar="FILE", help=N_("The file that was sent."))] = None,
    target: Annotated[
        str | None,
        typer.Option("--out", metavar="OUT", help=N_("The mended file; else FILE with .mended in its name.")),
    ] = None,
    send: Annotated[bool, typer.Option("--send", help=N_("Send the mended file in."))] = False,
    profile: Profile = "default",
    url: Url = None,
    as_json: AsJson = False,
    help: Help = False,
) -> None:
    from shuangqian import mending
    from shuangqian.profiles import access

    given = access(profile, url)
    if not fix:
        raise typer.Exit(mending.errors(given, reference, settled_too=mended, as_json=as_json))
    if file is None:
        raise Failed(NOT_RIGHT, _("--fix needs the file that was sent: --file FILE."))
    where, by_hand, code = mending.fix(given, reference, file, target, as_json)
    if send:
        from shuangqian.submitting import submit

        code = max(code, submit(given, where, without=by_hand, as_json=as_json))
        if by_hand:
            note(
                _("%(count)s not sent: mend them by hand in %(file)s, then: shuangqian submit %(file)s")
                % {"count": f"{len(by_hand):,}", "file": quote(where)}
            )
    else:
        typer.echo(_("Send it with: shuangqian submit %s") % quote(where), file=sys.stderr)
    raise typer.Exit(code)


def tail(
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help=N_("Begin there: 2h, 3d, 2026-03-05, or a moment."))
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help=N_("End after so many."))] = None,
    profile: Profile = "default",
    url: Url = None,
    as_json: AsJson = False,
    help: Help = False,
) -> None:
    from shuangqian.profiles import access
    from shuangqian.tailing import tail as follow

    raise typer.Exit(follow(access(profile, url), since, limit, as_json))


def ops_status(folder: Folder = Path(".run"), as_json: AsJson = False, help: Help = False) -> None:
    from shuangqian.operating import status

    status(folder, as_json)


def ops_scale(
    counts: Annotated[list[str], typer.Argument(metavar="WORKER=COUNT", help=N_("Such as review-worker=3."))],
    folder: Folder = Path(".run"),
    as_json: AsJson = False,
    help: Help = False,
) -> None:
    from shuangqian.operating import scale

    scale(folder, counts, as_json)
