"""`shuangqian audit`: the auditor's command line. Verdicts go to stdout, progress and troubles to stderr.

Exit codes: 0 equal, 1 different, 2 could not be done.
"""

import getpass
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer
from kafka.errors import KafkaError
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from audit import terminal
from audit.fold import AnyDecider
from audit.history import Unreachable, story
from audit.replay import Progress, Verdict, replay
from audit.store import Runs
from audit.time_cli import add_as_of
from runtime.settings import Settings
from schemas.envelope import Json
from web.languages import _
from web.shell import N_, TYPER, AsJson, Bar, Failed, Help, out, print_json, progress

EQUAL, DIFFERENT, COULD_NOT = 0, 1, 2

Service = Annotated[str | None, typer.Option(metavar="NAME", help=N_("One service only, such as review."))]
Stream = Annotated[str | None, typer.Option(metavar="ID", help=N_("One stream only, in every service that has it."))]
Save = Annotated[bool, typer.Option("--save", help=N_("Keep the verdict among the runs at /audit."))]
StreamId = Annotated[str, typer.Argument(metavar="ID", help=N_("The stream, such as partner/reference@revision."))]
REPLAY_HELP = N_(
    "Read every history from Kafka, fold it with the services’ own code, compare it with the live streams.\n\n"
    "Says [bold]equal[/], or names the first event that differs, the field and both values. Nothing is written.\n\n"
    "Exit codes: 0 equal, 1 different, 2 could not be done."
)


def commands(deciders: Sequence[AnyDecider]) -> typer.Typer:
    """The auditor's commands, on these deciders."""
    audit = typer.Typer(**TYPER)

    @audit.callback()
    def group(help: Help = False) -> None:
        pass

    @audit.command("replay", help=REPLAY_HELP)
    def replay_command(
        service: Service = None, stream: Stream = None, as_json: AsJson = False, save: Save = False, help: Help = False
    ) -> None:
        _known(service, deciders)
        settings = Settings()
        with _troubles(settings):
            with progress(_("Looking for the histories")) as bar:
                verdict = replay(settings, deciders, service=service, stream=stream, progress=_hearing(bar))
            if save:
                _save(settings, verdict)
        if as_json:
            print_json(verdict.to_json())
        else:
            terminal.show_verdict(out(), verdict.to_json())
        raise typer.Exit(EQUAL if verdict.equal else DIFFERENT)

    @audit.command("stream", help=N_("Print what happened to one stream, from its first event, as Kafka has it."))
    def stream_command(id: StreamId, service: Service = None, as_json: AsJson = False, help: Help = False) -> None:
        _known(service, deciders)
        settings = Settings()
        with _troubles(settings):
            names = dict.fromkeys(decider.service for decider in deciders if service in (None, decider.service))
            stories = [story(settings, deciders, name, id) for name in names]
        if as_json:
            print_json([asdict(told) for each in stories for told in each.told])
        else:
            terminal.show_stories(out(), id, stories)
        raise typer.Exit(EQUAL if any(each.told for each in stories) else DIFFERENT)

    add_as_of(audit, deciders, _troubles)
    return audit


def _known(service: str | None, deciders: Sequence[AnyDecider]) -> None:
    names = list(dict.fromkeys(decider.service for decider in deciders))
    if service is not None and service not in names:
        text = _("There is no service %(name)s. There are: %(names)s.")
        raise Failed(COULD_NOT, text % {"name": service, "names": _(", ").join(names)})


@contextmanager
def _troubles(settings: Settings) -> Iterator[None]:
    """What keeps a command from its work, in one line with the next step."""
    try:
        yield
    except (Unreachable, KafkaError):
        text = _("Kafka does not answer at %(address)s. Start it (make run), or set SHUANGQIAN_KAFKA_BOOTSTRAP.")
        raise Failed(COULD_NOT, text % {"address": settings.kafka_bootstrap}) from None
    except PyMongoError as error:
        # The address may carry a password: what follows the last @ does not.
        address = settings.mongo_url.rpartition("@")[2].removeprefix("mongodb://")
        text = _(
            "MongoDB does not answer at %(address)s (%(error)s). Start it (make run), or set SHUANGQIAN_MONGO_URL."
        )
        raise Failed(COULD_NOT, text % {"address": address, "error": type(error).__name__}) from None
    except KeyboardInterrupt:
        raise Failed(130, _("Ended before a verdict. Nothing was changed.")) from None


def _save(settings: Settings, verdict: Verdict) -> None:
    with MongoClient[Json](settings.mongo_url, w="majority", journal=True, tz_aware=True) as client:
        runs = Runs(client[settings.database("audit")])
        runs.done(runs.begin(f"user:{getpass.getuser()}", verdict.service, verdict.stream), verdict)


def _hearing(bar: Bar) -> Callable[[Progress], None]:
    def hear(heard: Progress) -> None:
        bar.tell(f"{terminal.doing(heard)}: {heard.done:,} / {heard.total:,}", heard.done, heard.total, heard.done)

    return hear
