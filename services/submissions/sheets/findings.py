"""What is wrong, said of cells: findings of the rules with their cell, and what keeps a whole file from being read."""

from typing import Any, Literal

from schemas.entry import KINDS
from schemas.envelope import Json
from submissions.intake import Receipt
from submissions.marked import N_
from submissions.sheets.cells import is_odd
from submissions.sheets.columns import Column, meant
from submissions.sheets.rows import Header, Placed, Read, cell_of, letters, path_of
from web.languages import _, language
from web.problems import Problem
from web.words import word

#: What a cell holds that no rule takes, by `cells.odd`'s name.
ODD = {
    "error": N_("The cell holds Excel’s error %(shown)s. Mend its formula, or write the value."),
    "formula": N_("The formula was never computed. Open the file in Excel and save it, or write the value."),
    "merged": N_("The cell is merged with others beside it. Unmerge them and write each value in its own cell."),
    "digits": N_(
        "Excel keeps 15 digits of a number: the last of %(shown)s are lost. Format the cell as text and write it again."
    ),
    "date": N_("The cell is a date or time (%(shown)s). Format it as text or number and write the value again."),
    "control": N_("The cell holds characters that cannot be seen (%(shown)s). Write it again."),
    "unheaded": N_("“%(shown)s” stands under no heading. Give it one, or quote a text that holds a separator."),
}
BROKEN = {
    "quote": N_("A quotation mark is opened in this row and never closed: what follows could not be read."),
    "long": N_("This row is longer than 1,000,000 characters: what follows could not be read."),
    "quoting": N_("The row’s quotation marks do not pair: write a quotation mark within quoted text twice."),
}


#: Rules whose fix is a code, which a sheet has by its name; a fix of any other holds what was written, as a text.
_CODES = {"choice", "offer.unit", "scene.level-fit"}


def in_words(finding: Json) -> str | None:
    """The value that would mend a finding, where it is a code, as the drop-downs have it; else None."""
    fix = finding["fix"] or {}
    is_code = finding["rule"] in _CODES or fix.get("path", "").endswith("/unit")
    return word(fix["value"]) if is_code and "value" in fix else None


def at_cells(receipt: Receipt, read: Read, header: Header) -> list[Json]:
    """A receipt's findings with their `row`, `column` (the heading) and `cell`; null where the sheet has no such."""
    return [_told(finding, read, header) for finding in receipt.findings]


def _told(finding: Json, read: Read, header: Header) -> Json:
    row, pointer = read.row, str(finding["pointer"])
    path = path_of(read.numbers, pointer)
    placed, own = cell_of(header, path), _own(read, path)
    heading = own and own[0].heading(own[1], language())
    column = placed.heading if placed else heading
    where: Json = {"row": row.number, "column": column, "cell": placed and address(placed, row.number)}
    if row.broken is not None:
        return {**finding, **where, **_of_sheet("row", _(BROKEN[row.broken]), None)}
    value = _at(read, pointer)
    if is_odd(value):
        why = value["cell"]
        if why == "unheaded":
            where["cell"] = pointer[1:]
        shown = None if "/contact" in pointer else value["shown"]
        text = _(ODD[why]) % {"shown": shown or ""}
        return {**finding, **where, **_of_sheet(why, text, shown)}
    if finding["rule"] == "choice" and placed:
        names = _("; ").join(word(code) for code in placed.column.choices)
        return {**finding, **where, "text": _("Not one of the choices: %(names)s.") % {"names": names}}
    if placed and own and placed.column != own[0]:
        text = _("%(column)s: %(text)s The sheet has no such column.") % {"column": heading, "text": finding["text"]}
        return {**finding, **where, "text": text}
    return {**finding, **where}


def _of_sheet(rule: str, text: str, found: str | None) -> Json:
    """What a finding says of a cell or row that no value could be read of: no single operation mends that."""
    return {**_named(rule), "found": found, "expected": None, "fix": None, "text": text}


def _named(rule: str) -> Json:
    return {"rule": f"sheet.{rule}", "doc": f"/rules/sheet.{rule}"}


def _at(read: Read, pointer: str) -> Any:
    said: Any = read.said
    for step in pointer.split("/")[1:]:
        if isinstance(said, dict):
            said = said.get(step.replace("~1", "/").replace("~0", "~"))
        elif isinstance(said, list) and step.isdecimal() and int(step) < len(said):
            said = said[int(step)]
        if is_odd(said):
            break
    return said


def address(placed: Placed, row: int) -> str:
    """The cell as spreadsheets name it: `C7`."""
    return f"{letters(placed.index)}{row}"


def _own(read: Read, path: tuple[str | int, ...]) -> tuple[Column, int | None] | None:
    """The column that a path means, whether the sheet has it or not, and the number in it."""
    kind = str(read.said["entry"].get("kind")) if read.said else ""
    # Of a list that is not there, what is missed is its first item.
    numbered = ".".join(
        str(int(step) + 1) if isinstance(step, str) and step.isdecimal() else str(step) for step in path
    )
    return meant(kind, numbered) if kind in KINDS else None


def unreadable(title: str, *findings: Json, status: int = 422, type: str = "sheet-unreadable") -> Problem:
    """Why nothing of a file was read: `findings` as those of rows, by cell."""
    return Problem(status, type, title, _("Nothing was taken in."), findings=list(findings))


#: What keeps a whole file from being read.
OfFile = (
    Literal["empty", "format", "encoding", "xls", "locked", "damaged", "size", "kind"]
    | Literal["headings", "heading-unknown", "heading-twice", "heading-missing"]
)


def of_file(
    rule: OfFile,
    text: str,
    *,
    cell: str | None = None,
    column: str | None = None,
    row: int | None = None,
    expected: str | None = None,
) -> Json:
    """A finding on the file itself, in the same shape as those on rows: what is `expected` for programs, in codes."""
    where: Json = {"row": row, "column": column, "cell": cell}
    return {**_named(rule), "pointer": "", "found": None, "expected": expected, "text": text, **where}
