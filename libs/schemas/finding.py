"""What a rule says of a submission that breaks it: where, what was found, what is expected, and what would mend it."""

from collections.abc import Iterable
from typing import Any, Literal, NotRequired

from pydantic import BaseModel, ConfigDict
from typing_extensions import TypedDict

from schemas.texts import TEXTS, worded

#: One RFC 6902 operation on the submission as it came. A misspelt field is moved: its value need not be repeated.
Fix = TypedDict(
    "Fix",
    {
        "op": Literal["add", "replace", "remove", "move"],
        "path": str,
        "from": NotRequired[str],
        "value": NotRequired[Any],
    },
)


class Finding(BaseModel):
    """One breach of one rule.

    `pointer` is an RFC 6901 JSON Pointer into the submission; `found` is what stood there, shortened (absent for
    personal data and for what was missing); `expected` is what would mend it, in the rule's own terms; `fix` is the
    operation that mends it, where one is certain or very likely.
    """

    model_config = ConfigDict(frozen=True)

    rule: str
    pointer: str
    found: str | None = None
    expected: str | None = None
    fix: Fix | None = None

    def text(self, language: str) -> str:
        """The finding as a sentence in `zh` or `en`, with what would mend it."""
        expected, found = worded(self.rule, self.expected or "", language), self.found or steps(self.pointer)[-1]
        return TEXTS[self.rule][language].format(expected=expected, found=found)


def pointer(*path: str | int) -> str:
    """The RFC 6901 JSON Pointer of a path."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def steps(pointer: str) -> list[str]:
    """The steps of a JSON Pointer; the first is the empty one of the whole."""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")]


def patch(suggested: Iterable[Fix | None]) -> list[Fix]:
    """All fixes of one submission as one RFC 6902 patch, so ordered that none disturbs another.

    Values change first, while every pointer still holds; fields move and come next; what goes, goes last, the later
    items of a list before the earlier ones.
    """
    fixes = list({(fix["op"], fix["path"]): fix for fix in suggested if fix}.values())
    gone = [fix["path"] for fix in fixes if fix["op"] == "remove"] + [fix["from"] for fix in fixes if "from" in fix]
    kept = [fix for fix in fixes if fix["op"] == "remove" or not _within(fix["path"], gone)]
    order = {"replace": 0, "move": 1, "add": 2, "remove": 3}
    changing = sorted((fix for fix in kept if fix["op"] != "remove"), key=lambda fix: order[fix["op"]])
    going = sorted((fix for fix in kept if fix["op"] == "remove"), key=lambda fix: _place(fix["path"]), reverse=True)
    return changing + going


def _within(path: str, gone: list[str]) -> bool:
    return any(path == other or path.startswith(other + "/") for other in gone)


def _place(path: str) -> list[tuple[int, str]]:
    return [(int(step), "") if step.isdecimal() else (-1, step) for step in steps(path)]
