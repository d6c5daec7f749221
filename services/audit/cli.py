"""`shuangqian`: the auditor's command line. Verdicts go to stdout, progress and troubles to stderr.

Exit codes: 0 equal, 1 different, 2 could not be done.
"""

import getpass
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import typer
import typer.rich_utils
from kafka.errors import KafkaError
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from audit import terminal
from audit.deciders import DECIDERS
from audit.fold import AnyDecider
from audit.history import Unreachable, story
from audit.replay import Progress, Verdict, replay
from audit.store import Runs
from runtime.settings import Settings
from schemas.envelope import Json
from web.languages import LANGUAGES, _, load, speak

EQUAL, DIFFERENT, COULD_NOT = 0, 1, 2
#: Seconds between two lines of progress where there is no terminal.
LINE_EVERY_S = 2.0


def main() -> None:
    """The entry point: speaks the language asked for, or that of the environment."""
    run(DECIDERS)


def run(deciders: Sequence[AnyDecider]) -> None:
    """Run the command line on these deciders; ends the process with the exit code."""
    with speak(spoken(sys.argv[1:], os.environ.get("LANG", "")), load(Path(__file__).parent / "locale")):
        command_line(deciders)(prog_name="shuangqian")


def spoken(arguments: Sequence[str], environment: str) -> str:
    """The language: `--lang zh` or `--lang=zh` wherever it stands, else that of LANG, else English."""
    given = [after for before, after in pairwise(arguments) if before == "--lang"]
    given += [argument.removeprefix("--lang=") for argument in arguments if argument.startswith("--lang=")]
    wishes = [wish for wish in (*given, environment[:2]) if wish in LANGUAGES]
    return wishes[0] if wishes else "en"


def command_line(deciders: Sequence[AnyDecider]) -> typer.Typer:
    """The commands, with their help in the language spoken."""
    typer.rich_utils.OPTIONS_PANEL_TITLE = _("Options")
    typer.rich_utils.ARGUMENTS_PANEL_TITLE = _("Arguments")
    typer.rich_utils.COMMANDS_PANEL_TITLE = _("Commands")
    services = _(", ").join(dict.fromkeys(decider.service for decider in deciders))
    Help = Annotated[
        bool, typer.Option("--help", is_eager=True, callback=_show_help, help=_("Show this help and exit."))
    ]
    Language = Annotated[Literal["zh", "en"] | None, typer.Option(help=_("Language: zh or en; else that of LANG."))]
    Service = Annotated[str | None, typer.Option(metavar="NAME", help=_("One service only: %s.") % services)]
    Stream = Annotated[str | None, typer.Option(metavar="ID", help=_("One stream only, in every service that has it."))]
    AsJson = Annotated[bool, typer.Option("--json", help=_("Print JSON."))]
    Save = Annotated[bool, typer.Option("--save", help=_("Keep the verdict among the runs at /audit."))]
    StreamId = Annotated[str, typer.Argument(metavar="ID", help=_("The stream, such as partner/reference@revision."))]

    app = typer.Typer(
        help=_("Shuangqian (双千) on the command line."),
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": []},  # ours is in two languages
    )
    audit = typer.Typer(help=_("Hold the live state against the history on Kafka."), no_args_is_help=True)
    app.add_typer(audit, name="audit")

    @app.callback()
    @audit.callback()
    def group(lang: Language = None, help: Help = False) -> None:
        pass

    replay_help = _(
        "Read every history from Kafka, fold it with the services’ own code, compare it with the live streams.\n\n"
        "Says [bold]equal[/], or names the first event that differs, the field and both values. Nothing is written.\n\n"
        "Exit codes: 0 equal, 1 different, 2 could not be done."
    )

    @audit.command("replay", help=replay_help)
    def replay_command(
        service: Service = None,
        stream: Stream = None,
        as_json: AsJson = False,
        save: Save = False,
        lang: Language = None,
        help: Help = False,
    ) -> None:
        _known(service, deciders)
        settings = Settings()
        with _troubles(settings):
            with _progress() as hear:
                verdict = replay(settings, deciders, service=service, stream=stream, progress=hear)
            if save:
                _save(settings, verdict)
        if as_json:
            _print_json(verdict.to_json())
        else:
            terminal.show_verdict(_out(), verdict.to_json())
        raise typer.Exit(EQUAL if verdict.equal else DIFFERENT)

    @audit.command("stream", help=_("Print what happened to one stream, from its first event, as Kafka has it."))
    def stream_command(
        id: StreamId, service: Service = None, as_json: AsJson = False, lang: Language = None, help: Help = False
    ) -> None:
        _known(service, deciders)
        settings = Settings()
        with _troubles(settings):
            names = dict.fromkeys(decider.service for decider in deciders if service in (None, decider.service))
            stories = [story(settings, deciders, name, id) for name in names]
        if as_json:
            _print_json([asdict(told) for each in stories for told in each.told])
        else:
            terminal.show_stories(_out(), id, stories)
        raise typer.Exit(EQUAL if any(each.told for each in stories) else DIFFERENT)

    return app


def _show_help(context: typer.Context, asked: bool) -> None:
    if asked:
        typer.echo(context.get_help())
        raise typer.Exit


def _known(service: str | None, deciders: Sequence[AnyDecider]) -> None:
    names = list(dict.fromkeys(decider.service for decider in deciders))
    if service is not None and service not in names:
        _error(
            _("There is no service %(name)s. There are: %(names)s.") % {"name": service, "names": _(", ").join(names)}
        )
        raise typer.Exit(COULD_NOT)


@contextmanager
def _troubles(settings: Settings) -> Iterator[None]:
    """What keeps a command from its work, in one line with the next step."""
    try:
        yield
    except (Unreachable, KafkaError):
        address = settings.kafka_bootstrap
        _error(
            _("Kafka does not answer at %(address)s. Start it (make run), or set SHUANGQIAN_KAFKA_BOOTSTRAP.")
            % {"address": address}
        )
        raise typer.Exit(COULD_NOT) from None
    except PyMongoError as error:
        # The address may carry a password: what follows the last @ does not.
        address = settings.mongo_url.rpartition("@")[2].removeprefix("mongodb://")
        _error(
            _("MongoDB does not answer at %(address)s (%(error)s). Start it (make run), or set SHUANGQIAN_MONGO_URL.")
            % {"address": address, "error": type(error).__name__}
        )
        raise typer.Exit(COULD_NOT) from None
    except KeyboardInterrupt:
        _error(_("Ended before a verdict. Nothing was changed."))
        raise typer.Exit(130) from None


def _save(settings: Settings, verdict: Verdict) -> None:
    with MongoClient[Json](settings.mongo_url, w="majority", journal=True, tz_aware=True) as client:
        runs = Runs(client[settings.database("audit")])
        runs.done(runs.begin(f"user:{getpass.getuser()}", verdict.service, verdict.stream), verdict)


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
    """Tells of progress on stderr: a bar with rate and time left, or a line now and then where there is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(console)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task(_("Looking for the histories"), total=None, rate="")
        began = time.monotonic()

        def hear(progress: Progress) -> None:
            rate = terminal.per_second(progress.done / max(time.monotonic() - began, 1e-3))
            text = terminal.doing(progress)
            bar.update(task, description=text, completed=progress.done, total=progress.total, rate=rate)

        yield hear


def _lines(console: Console) -> Callable[[Progress], None]:
    began = last = time.monotonic()

    def hear(progress: Progress) -> None:
        nonlocal last
        if time.monotonic() - last > LINE_EVERY_S:
            last = time.monotonic()
            rate = terminal.per_second(progress.done / (last - began))
            text = f"{terminal.doing(progress)}: {progress.done:,} / {progress.total:,}, {rate}"
            console.print(text, soft_wrap=True, highlight=False)

    return hear


def _out() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=120)


def _error(text: str) -> None:
    Console(stderr=True, highlight=False).print(f"[red]{escape(text)}[/]", soft_wrap=True)


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


if __name__ == "__main__":
    main()
