"""What command lines share: the language spoken, help in it, progress, and troubles as one line and an exit code.

Data goes to stdout, all else to stderr.
"""

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from gettext import NullTranslations
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
import typer.exceptions
import typer.rich_utils
from rich.console import Console
from rich.markup import escape

from runtime.speech import environment_locale
from web.languages import LANGUAGES, _, load, sentences, speak

#: Seconds between two lines of progress where there is no terminal.
LINE_EVERY_S = 2.0
#: And between two drawings of the bar where there is one.
DRAWN_EVERY_S = 0.1
#: The exit code where whoever reads the data has gone: shells say the same of what SIGPIPE ends.
UNREAD = 141
#: Columns where there is no terminal to ask.
WIDTH = 120


def N_(text: str) -> str:
    """The text itself, marked for the catalogue; `run` translates the help of all commands, in the language spoken."""
    return text


def _show_help(context: typer.Context, asked: bool) -> None:
    if asked:
        typer.echo(context.get_help())
        raise typer.Exit


#: Typer's own --help speaks English only.
Help = Annotated[bool, typer.Option("--help", is_eager=True, callback=_show_help, help=N_("Show this help and exit."))]
AsJson = Annotated[bool, typer.Option("--json", help=N_("Print JSON."))]
Language = Annotated[
    Literal["zh", "en"] | None, typer.Option("--lang", help=N_("Language: zh or en; else that of the environment."))
]
#: What every group and program is made with.
TYPER: dict[str, Any] = {
    "no_args_is_help": True,
    "add_completion": False,
    "rich_markup_mode": "rich",
    "context_settings": {"help_option_names": []},
}


class Failed(Exception):
    """What keeps a command from its work: a text with the next step, and the exit code."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def run(program: Callable[[Sequence[str]], typer.Typer], *locales: Path) -> None:
    """Run the program that `program` makes for these arguments, in the language asked for or the environment's.

    Ends the process with the exit code.
    """
    arguments = sys.argv[1:]
    language = spoken(arguments, environment_locale(os.environ))
    texts = load(*locales) if language != "en" else {"en": NullTranslations()}
    with speak(language, texts):
        sys.exit(_outcome(program(arguments), _without_language(arguments)))


def _outcome(program: typer.Typer, arguments: Sequence[str]) -> int:
    command = typer.main.get_command(program)
    _translate(command)
    try:
        code = command.main(list(arguments), prog_name="shuangqian", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except BrokenPipeError:
        return _unread()
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):  # for which Typer has 1
            return _unread()
        raise
    except Failed as failed:
        error(failed.text)
        return failed.code
    except typer.exceptions.TyperException as wrong:
        return _usage(wrong)


def _unread() -> int:
    """What is left to be written goes nowhere: whoever read it has gone, as in `| head`."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return UNREAD


def spoken(arguments: Sequence[str], environment: str) -> str:
    """The language: `--lang zh` or `--lang=zh` wherever it stands, else that of the locale, else English."""
    given = re.findall(r"--lang[ =](\S+)", " ".join(arguments))
    wishes = [wish for wish in (*given, environment[:2]) if wish in LANGUAGES]
    return wishes[0] if wishes else "en"


def _without_language(arguments: Sequence[str]) -> list[str]:
    """The arguments without a known `--lang`, so that it may stand anywhere."""
    kept = list(arguments)
    for language in LANGUAGES:
        while f"--lang={language}" in kept:
            kept.remove(f"--lang={language}")
        for n in reversed(range(len(kept) - 1)):
            if kept[n : n + 2] == ["--lang", language]:
                del kept[n : n + 2]
    return kept


def _translate(command: Any) -> None:
    """The texts of a command and of all below it, in the language spoken."""
    typer.rich_utils.OPTIONS_PANEL_TITLE = _("Options")
    typer.rich_utils.ARGUMENTS_PANEL_TITLE = _("Arguments")
    typer.rich_utils.COMMANDS_PANEL_TITLE = _("Commands")
    typer.rich_utils.REQUIRED_LONG_STRING = _("[required]")
    typer.rich_utils.DEFAULT_STRING = _("[default: {}]")
    typer.rich_utils.ENVVAR_STRING = _("[env var: {}]")
    command.help = _(command.help) if command.help else None
    for param in command.params:
        param.help = _(param.help) if param.help else None
        if getattr(param, "is_flag", False):
            param.metavar = ""  # Typer would say <bool>
    for each in getattr(command, "commands", {}).values():
        _translate(each)


#: What Typer says of a command line that is not right, in its own words, and in ours.
_USAGE = {
    r"No such option: (\S+)": N_("There is no option %s."),
    r"No such command '(.*)'": N_("There is no command %s."),
    r"Missing argument '(.*?)'": N_("%s is missing."),
    r"Missing option '(.*?)'": N_("%s is missing."),
    r"Got unexpected extra arguments? ?\S* ?\((.*)\)": N_("This is one too many: %s."),
    r"Option '?(--\S+?)'? requires an argument": N_("%s needs a value."),
    r"Invalid value for (.*?): ": N_("The value of %s is not one of those that are possible."),
}


def _usage(wrong: typer.exceptions.TyperException) -> int:
    text = wrong.format_message()
    if context := getattr(wrong, "ctx", None):
        if type(wrong).__name__ == "NoArgsIsHelpError":
            return wrong.exit_code  # the help is printed already
        for theirs, ours in _USAGE.items():
            if found := re.search(theirs, text):
                text = _(ours) % found[1]
                break
        text = sentences(text, _("See: %s") % f"{context.command_path} --help")
    error(text)
    return wrong.exit_code


class _Out(Console):
    def on_broken_pipe(self) -> None:
        raise  # rich would end the process with 1, and what is to be kept would not be


def out() -> Console:
    """Where data goes."""
    console = _Out(highlight=False)
    return console if console.is_terminal else _Out(highlight=False, width=WIDTH)


def note(text: str) -> None:
    """Say something that is not data."""
    Console(stderr=True, highlight=False).print(escape(text), soft_wrap=True)


def error(text: str) -> None:
    """Say what went wrong."""
    Console(stderr=True, highlight=False).print(f"[red]{escape(text)}[/]", soft_wrap=True)


def print_json(value: object) -> None:
    """One JSON value, as people and programs can read it."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


def per_second(rate: float) -> str:
    return _("%(count)s a second") % {"count": f"{rate:,.0f}"}


class Bar:
    """Progress on stderr: a bar with rate and time left, or a line now and then where there is no terminal."""

    def __init__(self, text: str) -> None:
        self.console = Console(stderr=True, highlight=False)
        self._began = self._last = time.monotonic()
        self._bar: Any = None
        if self.console.is_terminal:
            from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

            columns = (
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                TimeRemainingColumn(),
            )
            self._bar = Progress(*columns, console=self.console, transient=True, redirect_stdout=False)
            self._task = self._bar.add_task(escape(text), total=None)

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began

    def say(self, text: str) -> None:
        """A line that stays."""
        self.console.print(f"[yellow]{escape(text)}[/]", soft_wrap=True)

    def say_now(self, text: str, done: int, total: int) -> None:
        """How things stand, of what takes long and has no rate."""
        if self._bar:
            self._bar.update(self._task, description=escape(text), completed=done, total=total)

    def tell(self, text: str, done: float, total: float | None, count: int) -> None:
        """`done` of `total` in any unit is what the bar shows; `count` things so far is what the rate is of."""
        now = time.monotonic()
        if self._bar and now - self._last < DRAWN_EVERY_S and done != total:
            return
        text = f"{text}, {per_second(count / max(self.seconds, 1e-3))}"
        if self._bar:
            self._last = now
            self._bar.update(self._task, description=escape(text), completed=done, total=total)
        elif now - self._last > LINE_EVERY_S:
            self._last = now
            share = f" ({done / total:.0%})" if total else ""
            self.console.print(escape(text) + share, soft_wrap=True)


@contextmanager
def progress(text: str) -> Iterator[Bar]:
    """A bar for as long as something takes; it leaves nothing behind."""
    bar = Bar(text)
    if bar._bar is None:
        yield bar
        return
    with bar._bar:
        yield bar
