"""The program `shuangqian`. What a command needs is imported when it is asked for, so that each starts at once."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from shuangqian import commands
from web.shell import N_, TYPER, Help, Language, run

if TYPE_CHECKING:
    from audit.fold import AnyDecider

HERE = Path(__file__).parent
HELP = N_(
    "Shuangqian (双千) on the command line. Data goes to stdout, progress to stderr.\n\n"
    "Exit codes: 0 all was taken in, 1 some was refused, 2 the command or a file is not right, "
    "3 not signed in or the key is refused, 4 the server cannot be reached, 5 the server failed, 130 interrupted, "
    "141 nobody reads on."
)


def main(deciders: "Sequence[AnyDecider] | None" = None) -> None:
    """The entry point. `deciders`: what audit replays, if not every service's."""

    def program(arguments: Sequence[str]) -> typer.Typer:
        app = typer.Typer(help=HELP, **TYPER)

        @app.callback()
        def group(lang: Language = None, help: Help = False) -> None:
            pass

        commands.add(app)
        app.add_typer(_audit(arguments, deciders), name="audit", help=N_("Hold the live state against the history."))
        app.add_typer(
            _review(arguments), name="review", help=N_("Try changed rules of the review on what was checked.")
        )
        return app

    run(program, *catalogues(sys.argv[1:]))


def catalogues(arguments: Sequence[str]) -> list[Path]:
    """Where texts are, the last to count: of a text that two groups translate each for itself, that of the group asked
    for."""
    asked = next((each for each in arguments if each in ("audit", "review")), "shuangqian")
    packages = sorted(("shuangqian", "audit", "review"), key=lambda package: package == asked)
    return [HERE.parent / package / "locale" for package in packages]


def _audit(arguments: Sequence[str], deciders: "Sequence[AnyDecider] | None") -> typer.Typer:
    """The auditor's commands, which load every service's domain and Kafka's and MongoDB's clients: if asked for."""
    if "audit" not in arguments:
        return typer.Typer(**TYPER)
    from audit.cli import commands as audit
    from audit.deciders import DECIDERS

    return audit(deciders or DECIDERS)


def _review(arguments: Sequence[str]) -> typer.Typer:
    """The commands on the review's rules, which load its checks and MongoDB's client: if asked for."""
    if "review" not in arguments:
        return typer.Typer(**TYPER)
    from review.cli import commands as review

    return review()


if __name__ == "__main__":
    main()
