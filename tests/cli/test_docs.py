"""docs/cli.md tells of what there is, and of nothing else."""

import re
from collections.abc import Iterator
from typing import Any

import typer

from shuangqian import commands, outcomes
from tests.submissions.given import ROOT

TEXT = (ROOT / "docs" / "cli.md").read_text()
#: Every command's own, said once above all of them or by --help.
EVERYWHERE = {"--help"}


def described(command: Any, path: str = "shuangqian") -> Iterator[tuple[str, set[str]]]:
    """Each command that does something, with its options."""
    for name, each in getattr(command, "commands", {}).items():
        yield from described(each, f"{path} {name}")
    if not hasattr(command, "commands"):
        yield path, {option for param in command.params for option in param.opts if option.startswith("--")}


def test_every_command_and_option_is_in_the_how_to_and_no_other() -> None:
    app = typer.Typer()
    commands.add(app)
    found = dict(described(typer.main.get_command(app)))
    assert len(found) == 9
    for path in found:
        assert f"\n{path}" in TEXT or f"| {path}" in TEXT, path
    options = set().union(*found.values()) - EVERYWHERE
    told = set(re.findall(r"--[a-z][a-z-]+", TEXT)) - EVERYWHERE
    assert told - {"--lang"} == options


def test_every_exit_code_is_in_the_how_to() -> None:
    codes = {value for name, value in vars(outcomes).items() if name.isupper()}
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", TEXT, re.MULTILINE)} == codes
