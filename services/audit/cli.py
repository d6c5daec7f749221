"""`shuangqian audit`: the auditor's command line. Verdicts go to stdout, progress and troubles to stderr.

Exit codes: 0 equal, 1 different, 2 could not be done, or nothing to compare, 3 equal, with something odd besides.
"""

import getpass
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, cast, get_args

import typer
from kafka.errors import KafkaError, OffsetOutOfRangeError
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from audit import bundle_texts, terminal
from audit.against_bundle import DoesNotHold, replay_against
from audit.as_of import when
from audit.bundle_cli import add_commands
from audit.bundle_read import EarlierForm
from audit.fold import AnyDecider
from audit.history import Unreachable, event_at, story
from audit.kept import kept
from audit.log_cli import add_command
from audit.replay import Against, Progress, Until, Verdict, replay
from audit.servers import kafka_said, mongo_hosts
from audit.shadow import NotShadowed, shadow
from audit.store import Runs
from audit.team import ProcessLost, Removed
from audit.time_cli import add_as_of
from runtime.settings import Settings
from schemas.envelope import Json
from web.languages import _, ngettext
from web.shell import N_, TYPER, AsJson, Bar, Failed, Help, out, print_json, progress

EQUAL, DIFFERENT, COULD_NOT, NOTICED = 0, 1, 2, 3

Service = Annotated[str | None, typer.Option(metavar="NAME", help=N_("One service only, such as review."))]
Stream = Annotated[str | None, typer.Option(metavar="ID", help=N_("One stream only, in every service that has it."))]
Save = Annotated[bool, typer.Option("--save", help=N_("Keep the verdict among the runs at /audit."))]
StreamId = Annotated[str, typer.Argument(metavar="ID", help=N_("The stream, such as partner/reference@revision."))]
CutAt = Annotated[
    str | None,
    typer.Option(
        "--until",
        metavar="TIME|OFFSET",
        help=N_(
            "Up to this moment, such as 2026-11-28T12:00 (the city’s time, if it names no other; a day is its end), "
            "this offset of each partition, or the moment of the event at topic:partition:offset."
        ),
    ),
]
AgainstWhat = Annotated[
    str,
    typer.Option(
        "--against",
        metavar="live|nothing|BUNDLE",
        help=N_("The live streams; nothing, then MongoDB is not needed; or an evidence bundle, by its path."),
    ),
]
Processes = Annotated[
    int | None, typer.Option(metavar="N", min=1, help=N_("How many processes share the work; else one for each core."))
]
Resume = Annotated[bool, typer.Option("--resume", help=N_("Go on where a replay like this one was cut off."))]
REPLAY_HELP = N_(
    "Read every history from Kafka, fold it with the services’ own code, compare it with the live streams.\n\n"
    "Says [bold]equal[/], or names the first event that differs, the field and both values. Also says which causes are "
    "missing, which effects did not come, and where clocks ran backwards. Nothing is written.\n\n"
    "Exit codes: 0 equal, 1 different, 2 could not be done, or nothing to compare, 3 equal, with something odd noticed "
    "besides."
)
STREAM_HELP = N_(
    "Print what happened to one stream, from its first event, as Kafka has it.\n\n"
    "Exit codes: 0 found, 1 no history knows it, 2 could not be done."
)

With = Annotated[
    Path,
    typer.Option("--with", metavar="PATH", help=N_("A checkout, or a folder with changed domains.")),
]
SHADOW_HELP = N_(
    "Fold every history with changed domain code, and say which streams would be in another state.\n\n"
    "Names for each the first event after which it parts, the field and both values. What a changed decide would have "
    "answered cannot be told: commands are in no history. For the rules of the review: shuangqian review shadow.\n\n"
    "Exit codes: 0 nothing differs, 1 something does, 2 could not be done, or there was no stream to fold."
)


def commands(deciders: Sequence[AnyDecider]) -> typer.Typer:
    """The auditor's commands, on these deciders."""
    audit = typer.Typer(**TYPER)

    @audit.callback()
    def group(help: Help = False) -> None:
        pass

    @audit.command("replay", help=REPLAY_HELP)
    def replay_command(
        service: Service = None,
        stream: Stream = None,
        until: CutAt = None,
        against: AgainstWhat = "live",
        processes: Processes = None,
        resume: Resume = False,
        as_json: AsJson = False,
        save: Save = False,
        help: Help = False,
    ) -> None:
        _known(service, deciders)
        settings = Settings.load()
        if against not in get_args(Against)[:2]:
            if service or stream or until or processes or resume:
                raise Failed(COULD_NOT, _("A bundle says itself which events are meant: leave the other choices out."))
            verdict = _against(settings, Path(against))
        else:
            verdict = _replayed(settings, deciders, service, stream, until, cast(Against, against), processes, resume)
        if save:
            with _troubles(settings):
                _save(settings, verdict)
        if as_json:
            print_json(verdict.to_json())
        else:
            terminal.show_verdict(out(), verdict.to_json())
        raise typer.Exit(_code(verdict))

    @audit.command("stream", help=STREAM_HELP)
    def stream_command(id: StreamId, service: Service = None, as_json: AsJson = False, help: Help = False) -> None:
        _known(service, deciders)
        settings = Settings.load()
        with _troubles(settings):
            names = dict.fromkeys(decider.service for decider in deciders if service in (None, decider.service))
            stories = [story(settings, deciders, name, id) for name in names]
        if as_json:
            print_json([asdict(told) for each in stories for told in each.told])
        else:
            terminal.show_stories(out(), id, stories, kafka_said(settings))
        raise typer.Exit(EQUAL if any(each.told for each in stories) else DIFFERENT)

    @audit.command("shadow", help=SHADOW_HELP)
    def shadow_command(path: With, service: Service = None, as_json: AsJson = False, help: Help = False) -> None:
        _known(service, deciders)
        if not path.is_dir():
            raise Failed(COULD_NOT, _("There is no folder %s.") % path)
        settings = Settings.load()
        with _troubles(settings), progress(_("Looking for the histories")) as bar:
            try:
                found = shadow(settings, deciders, path, service=service, progress=_hearing(bar))
            except NotShadowed as error:
                raise Failed(COULD_NOT, _not_shadowed(path, str(error))) from None
        if as_json:
            print_json(found.to_json())
        else:
            terminal.show_shadow(out(), found.to_json())
        if not found.streams:
            raise typer.Exit(COULD_NOT)
        raise typer.Exit(DIFFERENT if found.differing else EQUAL)

    add_commands(audit, _troubles)
    add_command(audit, _troubles)
    add_as_of(audit, deciders, _troubles)
    return audit


def _replayed(
    settings: Settings,
    deciders: Sequence[AnyDecider],
    service: str | None,
    stream: str | None,
    until: str | None,
    against: Against,
    processes: int | None,
    resume: bool,
) -> Verdict:
    with _troubles(settings):
        cut = moment_or_place(settings, until) if until else None
        keep = kept(settings, service, stream, until, against)
        if not resume:
            keep.forget()
        with progress(_("Looking for the histories")) as bar:
            verdict = replay(
                settings,
                deciders,
                service=service,
                stream=stream,
                until=cut,
                against=against,
                processes=processes,
                keep=keep,
                progress=_hearing(bar),
            )
        keep.forget()
    return verdict


def _code(verdict: Verdict) -> int:
    if verdict.nothing:
        return COULD_NOT
    return DIFFERENT if not verdict.equal else NOTICED if verdict.noticed else EQUAL


def _against(settings: Settings, bundle: Path) -> Verdict:
    try:
        with _troubles(settings), progress(_("Verifying the bundle")) as bar:
            return replay_against(settings, bundle, _hearing(bar))
    except OSError as error:
        text = _("%(path)s cannot be read: %(error)s.")
        raise Failed(COULD_NOT, text % {"path": bundle, "error": error.strerror}) from None
    except EarlierForm as form:
        raise Failed(COULD_NOT, bundle_texts.earlier(bundle, str(form))) from None
    except DoesNotHold as broken:
        count = len(broken.outcome.faults)
        text = ngettext(
            "The bundle does not hold in %(count)s place, so it proves nothing. See: shuangqian audit verify %(path)s",
            "The bundle does not hold in %(count)s places, so it proves nothing. See: shuangqian audit verify %(path)s",
            count,
        )
        raise Failed(COULD_NOT, text % {"count": f"{count:,}", "path": bundle}) from None


def _not_shadowed(path: Path, trouble: str) -> str:
    if not trouble:
        return _("%s holds no domain: it must be a checkout, or a folder with services/<service>/domain.") % path
    return _("The code at %(path)s cannot be loaded: %(trouble)s") % {"path": path, "trouble": trouble.splitlines()[-1]}


def moment_or_place(settings: Settings, text: str) -> Until:
    """Where to cut the history: at an offset, a moment (read as `as-of` reads it), or the moment of the event at
    topic:partition:offset.

    Raises Failed, Unreachable or a KafkaError.
    """
    if text.isdecimal():
        return Until(offset=int(text))
    if (event := event_at(settings, text)) is not None:
        text = event["time"]
    try:
        return Until(time=when(text))
    except ValueError:
        said = _("%(text)s is neither a moment, such as %(moment)s, nor the place of an event, such as %(place)s.")
        example = {"moment": "2026-11-28T12:00", "place": settings.topic("review.events") + ":0:17"}
        raise Failed(COULD_NOT, said % {"text": text, **example}) from None


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
    except (Removed, OffsetOutOfRangeError):
        text = _("Messages were removed from Kafka while they were about to be read (retention). Run it again.")
        raise Failed(COULD_NOT, text) from None
    except Unreachable:
        text = _("Kafka does not answer at %(address)s. Start it (make run), or set SHUANGQIAN_KAFKA_BOOTSTRAP.")
        raise Failed(COULD_NOT, text % {"address": settings.kafka_bootstrap}) from None
    except KafkaError as error:
        text = _(
            "Kafka at %(address)s is there, and did not do this (%(error)s). Run it again. Where it lets in only who "
            "signs in, or encrypts, set SHUANGQIAN_KAFKA_PROTOCOL, _USERNAME, _PASSWORD and _CA "
            "(docs/how-to/sign-in-to-kafka.md)."
        )
        raise Failed(COULD_NOT, text % {"address": settings.kafka_bootstrap, "error": type(error).__name__}) from None
    except PyMongoError as error:
        text = _(
            "MongoDB does not answer at %(address)s (%(error)s). Start it (make run), or set SHUANGQIAN_MONGO_URL."
        )
        raise Failed(COULD_NOT, text % {"address": mongo_hosts(settings), "error": type(error).__name__}) from None
    except ProcessLost:
        text = _("A process of the replay was ended from outside; memory may have run out. Go on with --resume.")
        raise Failed(COULD_NOT, text) from None
    except KeyboardInterrupt:
        text = _("Ended before a verdict. Nothing was changed; a replay goes on with --resume.")
        raise Failed(130, text) from None


def _save(settings: Settings, verdict: Verdict) -> None:
    with MongoClient[Json](settings.mongo_url, w="majority", journal=True, tz_aware=True) as client:
        runs = Runs(client[settings.database("audit")])
        runs.done(runs.begin(f"user:{getpass.getuser()}", verdict.service, verdict.stream), verdict)


def _hearing(bar: Bar) -> Callable[[Progress], None]:
    def hear(heard: Progress) -> None:
        bar.tell(f"{terminal.doing(heard)}: {heard.done:,} / {heard.total:,}", heard.done, heard.total, heard.done)

    return hear
