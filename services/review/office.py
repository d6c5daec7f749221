"""What the office sets for the desk, as data (`desk.toml`): on which routes names are hidden, and its snippets."""

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

#: Characters of a snippet, in each language.
LONGEST = 1000
FILE = Path(__file__).with_name("desk.toml")


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Anonymised(_Table):
    """The routes on which a reviewer does not see whose entry it is before their review is given."""

    routes: frozenset[Literal["express", "ordinary", "experts"]]
    why: str


class Snippet(_Table):
    """A remark that reviews keep needing, in one language or both."""

    zh: str = Field("", max_length=LONGEST)
    en: str = Field("", max_length=LONGEST)


class Office(_Table):
    anonymised: Anonymised
    snippets: tuple[Snippet, ...]


def read(path: Path) -> Office:
    """The settings of a file. Raises ValueError where it is no TOML or says what is not known."""
    return Office.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


#: What is in force.
OFFICE = read(FILE)
