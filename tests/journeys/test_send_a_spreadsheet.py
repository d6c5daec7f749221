"""合作方用电子表格申报：填模板、检查、取回标红的行、改好再提交。(A partner sends a spreadsheet and mends it.)"""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from deploy.local.table import Stack
from tests.faults.fleet import key_for
from tests.journeys.conftest import Visit, aside, go
from tests.journeys.given import partner_of
from tests.journeys.look import look
from tests.submissions.sheet_files import entry, opened, saved, table

PARTNER = "partner-zhou"


def download(page: Page, name: str) -> Any:
    """The first sheet of the file behind a link."""
    with page.expect_download() as coming:
        page.get_by_role("link", name=name, exact=True).click()
    return opened(Path(coming.value.path()).read_bytes())


def headings(sheet: Any) -> dict[str, int]:
    """The column of each heading; templates mark those that are required with a star."""
    return {str(cell.value).rstrip(" *"): cell.column for cell in sheet[1] if cell.value}


def test_a_template_is_filled_in_checked_mended_and_sent(stack: Stack, visit: Visit, tmp_path: Path) -> None:
    mine = partner_of(stack, PARTNER)
    aside(key_for(stack.settings, mine))
    page, wrong = visit(PARTNER, language="zh"), list[str]()
    go(page, "申报")
    go(page, "提交申报")
    page.get_by_role("link", name="电子表格").click()
    wrong += look(page, "sheet-form")

    sheet = download(page, "产品, 中文, XLSX")
    columns = headings(sheet)
    lines = [entry(f"sheet-{n}", uscc=mine["uscc"]) for n in (1, 2, 3)]
    titles, *rows = table(lines)
    assert set(titles) <= columns.keys(), set(titles) - columns.keys()
    first = next(row for row in range(2, 20) if not str(sheet.cell(row, 1).value or "").startswith("#"))
    for y, row in enumerate(rows, start=first):
        for title, value in zip(titles, row, strict=True):
            sheet.cell(y, columns[title]).value = value
    maturity = next(column for title, column in columns.items() if "TRL" in title)
    sheet.cell(first + 2, maturity).value = 12
    file = tmp_path / "产品.xlsx"
    file.write_bytes(saved(sheet.parent))
    page.locator("input[value=product]").check()
    page.locator("#file").set_input_files(file)
    page.get_by_role("button", name="仅检查").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("文件已检查")
    expect(page.get_by_role("table")).to_contain_text("sheet-3")
    wrong += look(page, "sheet-checked")
    page.locator("button[name=action][value=send]").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("文件已提交")
    wrong += look(page, "sheet-sent")

    mend = download(page, "仅含待修改行的文件")
    assert [cell.column for row in mend for cell in row if cell.comment and cell.row > 1] == [maturity]
    mend.cell(mend.max_row, maturity).value = 7
    file.write_bytes(saved(mend.parent))
    page.locator("#file").set_input_files(file)
    page.locator("#file").locator("xpath=ancestor::form").locator("button[value=send]").click()
    expect(page.get_by_text("各行均已收到。")).to_be_visible()
    go(page, "我的申报")
    expect(page.get_by_role("row").filter(has_text="sheet-")).to_have_count(3)
    assert not wrong, "\n".join(wrong)
