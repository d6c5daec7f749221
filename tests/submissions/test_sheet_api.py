"""CSV and XLSX over HTTP: a receipt a row, findings by cell, the same file marked, going on where it broke off."""

import asyncio
import csv
import gzip
import io
from typing import Any

import httpx2
import orjson
import pytest
from fastapi import FastAPI
from openpyxl.comments import Comment
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from submissions.sheets.reading import CSV, XLSX
from tests.submissions.given import USCC
from tests.submissions.sheet_files import Table, as_book, as_csv, as_xlsx, entry, opened, put, saved, table, with_value

PRODUCT = "/submissions:sheet?kind=product"


async def send(
    client: httpx2.AsyncClient, key: dict[str, str], body: bytes, path: str = PRODUCT, type: str = CSV
) -> list[dict[str, Any]]:
    answer = await client.post(path, content=body, headers=key | {"Content-Type": type, "Accept-Language": "en"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    return [orjson.loads(each) for each in answer.text.splitlines()]


def cell(rows: Table, heading: str, row: int) -> str:
    return f"{get_column_letter(rows[0].index(heading) + 1)}{row}"


async def test_rows_are_taken_in_and_sending_them_again_is_harmless(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    rows = table([entry("a"), entry("b"), entry("c")])
    receipts = await send(client, key, as_csv(rows))
    assert [(r["row"], r["stream"], r["status"]) for r in receipts] == [
        (2, f"{USCC}/a", "received"),
        (3, f"{USCC}/b", "received"),
        (4, f"{USCC}/c", "received"),
    ]
    again = await send(client, key, as_xlsx(rows), "/submissions:sheet", XLSX)
    assert [(r["row"], r["status"], r["event"]) for r in again] == [
        (row, "received", f"{USCC}/{name}/1") for row, name in ((2, "a"), (3, "b"), (4, "c"))
    ]
    detail = (await client.get(f"/submissions/{USCC}/a", headers=key)).json()
    assert detail["entry"] == entry("a").entry.model_dump(mode="json")


@pytest.mark.parametrize("form", ["csv", "xlsx"])
async def test_every_finding_names_its_row_column_and_cell(
    client: httpx2.AsyncClient, key: dict[str, str], form: str
) -> None:
    rows = table([entry("a"), entry("b"), entry("c")], "en")
    put(rows, "Maturity (TRL)", 3, 12)
    put(rows, "District", 3, "Beijing")
    put(rows, "Owner’s USCC", 4, "91510106MA6RH83W83")
    put(rows, "Figure 1 · value", 4, "fast")
    body, type = (as_csv(rows), CSV) if form == "csv" else (as_xlsx(rows, "Product"), XLSX)
    a, b, c = await send(client, key, body, type=type)
    assert a["status"] == "received" and "findings" not in a
    assert [(f["rule"], f["row"], f["column"], f["cell"]) for f in (*b["findings"], *c["findings"])] == [
        ("choice", 3, "District", cell(rows, "District", 3)),
        ("range", 3, "Maturity (TRL)", cell(rows, "Maturity (TRL)", 3)),
        ("uscc.check-digit", 4, "Owner’s USCC", cell(rows, "Owner’s USCC", 4)),
        ("type", 4, "Figure 1 · value", cell(rows, "Figure 1 · value", 4)),
    ]
    assert "Jinniu" in b["findings"][0]["text"] and b["findings"][1]["found"] == "12"


async def test_a_missing_field_that_has_no_column_is_named_where_it_is_told(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    rows = table([entry("a", contact={"name": "周工", "phone": "13800138000"})], "en")
    rows[0].append("Contact’s email")
    rows[1].append("")
    rows = [[each for at, each in enumerate(row) if rows[0][at] != "Contact’s name"] for row in rows]
    (receipt,) = await send(client, key, as_csv(rows))
    (finding,) = receipt["findings"]
    assert (finding["pointer"], finding["cell"]) == ("/entry/contact/name", cell(rows, "Contact’s phone", 2))
    assert finding["text"] == "Contact’s name: This field is required. The sheet has no such column."


async def test_what_breaks_many_rules_is_told_whole(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    headings = table([entry()], "code")[0]
    (receipt,) = await send(client, key, as_csv([headings, ["only-a-reference", *[""] * (len(headings) - 1)]]))
    assert {f["pointer"] for f in receipt["findings"]} == {
        *("/revision", "/entry/title/zh", "/entry/summary/zh", "/entry/owner/name/zh", "/entry/owner/uscc"),
        *("/entry/district", "/entry/industry", "/entry/capabilities", "/entry/distinction/zh", "/entry/maturity"),
    }
    assert all(f["cell"] and f["cell"].endswith("2") for f in receipt["findings"])


async def test_checking_only_tells_the_same_and_takes_nothing_in(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    rows = put(table([entry("a"), entry("b"), entry("a", maturity=7)]), "成熟度（TRL）", 3, 0)
    checked = await send(client, key, as_csv(rows), PRODUCT + "&validate=only")
    assert (await client.get("/submissions", headers=key)).json()["items"] == []
    sent = await send(client, key, as_csv(rows))
    told = [[(r["row"], r["status"], r.get("findings")) for r in receipts] for receipts in (checked, sent)]
    assert told[0] == told[1] and [status for _, status, _ in told[0]] == ["received", "refused", "refused"]
    assert {r["event"] for r in checked} == {None}


async def test_after_a_row_it_goes_on_with_the_next(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    body = as_csv(table([entry("a"), entry("b"), entry("c")]))
    assert [r["row"] for r in await send(client, key, body, PRODUCT + "&after=3")] == [4]
    assert await send(client, key, body, PRODUCT + "&after=4") == []


async def test_receipts_come_while_rows_still_wait(app: FastAPI, key: dict[str, str]) -> None:
    pieces: list[bytes] = []
    asked = 0
    body = as_csv(table([entry(f"r{n}") for n in range(120)]))

    async def receive() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        if asked > 1:
            await asyncio.Event().wait()  # the client goes on listening
        return {"type": "http.request", "body": body, "more_body": False}

    async def sent(message: Any) -> None:
        if piece := message.get("body"):
            pieces.append(piece)

    headers = [(b"host", b"localhost"), (b"authorization", key["Authorization"].encode())]
    scope = {"type": "http", "method": "POST", "path": "/submissions:sheet", "headers": headers, "scheme": "http"}
    await app({**scope, "query_string": b"kind=product", "server": ("localhost", 80)}, receive, sent)
    assert [piece.count(b"\n") for piece in pieces] == [20] * 6  # a fiftieth of a second of the rate each


async def test_the_workbook_comes_back_with_bad_cells_marked_and_all_else_as_it_was(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    rows = put(table([entry("a"), entry("b")], "en"), "Maturity (TRL)", 3, 0)
    book = as_book(rows, "Product")
    book.worksheets[0]["A2"].font = Font(bold=True, color="00FF00")
    book.worksheets[0]["A2"].comment = Comment("ours", "Somebody")
    book.create_sheet("Other")["B2"] = "kept"
    at = cell(rows, "Maturity (TRL)", 3)
    headers = key | {"Content-Type": XLSX, "Accept": XLSX, "Accept-Language": "en"}
    answer = await client.post("/submissions:sheet", content=saved(book), headers=headers)
    assert answer.headers["content-type"] == XLSX and answer.headers["shuangqian-rows"] == "received=1; refused=1"
    sheet = opened(answer.content)
    assert sheet[at].fill.fgColor.rgb == "00FFC7CE" and "≥ 1" in sheet[at].comment.text
    marked = [c.coordinate for row in sheet for c in row if c.comment and c.comment.author != "Somebody"]
    assert marked == [at]
    assert sheet["A2"].font.b and sheet["A2"].comment.text == "ours" and sheet.parent["Other"]["B2"].value == "kept"
    mended = sheet.parent
    sheet[at] = 5
    again = await client.post("/submissions:sheet", content=saved(mended), headers=headers)
    assert again.headers["shuangqian-rows"] == "received=2"
    assert [c.coordinate for row in opened(again.content) for c in row if c.fill.fill_type] == []


async def test_a_comment_says_what_would_mend_its_cell(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    rows = put(table([entry("a")], "en"), "Owner’s USCC", 2, USCC.lower())
    headers = key | {"Accept": XLSX, "Accept-Language": "en"}
    answer = await client.post(PRODUCT, content=as_xlsx(rows, "Product"), headers=headers)
    comment = opened(answer.content)[cell(rows, "Owner’s USCC", 2)].comment.text
    assert comment.endswith(f"Suggested: {USCC}")


async def test_a_packed_file_is_unpacked_and_a_bomb_is_refused(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    headers = key | {"Content-Encoding": "gzip"}
    body = gzip.compress(as_csv(table([entry("a")])))
    answer = await client.post(PRODUCT, content=body, headers=headers)
    assert orjson.loads(answer.content)["status"] == "received"
    bomb = await client.post(PRODUCT, content=gzip.compress(bytes(50_000_000)), headers=headers)
    assert (bomb.status_code, bomb.json()["type"]) == (413, "urn:shuangqian:problem:unpacks-too-large")


async def test_the_refused_rows_alone_can_be_mended_and_sent(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    rows = table([entry(name) for name in "abcd"], "en")
    put(rows, "Maturity (TRL)", 3, 0)
    put(rows, "Maturity (TRL)", 5, 0)
    path = PRODUCT + "&rows=refused"
    answer = await client.post(path, content=as_xlsx(rows, "Product"), headers=key | {"Accept": XLSX})
    sheet = opened(answer.content)
    column = rows[0].index("Maturity (TRL)") + 1
    assert [sheet.cell(row, 1).value for row in range(1, sheet.max_row + 1)] == ["Reference", "b", "d"]
    assert [bool(sheet.cell(row, column).comment) for row in (2, 3)] == [True, True]
    sheet.cell(2, column).value = sheet.cell(3, column).value = 5
    receipts = await send(client, key, saved(sheet.parent), "/submissions:sheet", XLSX)
    assert [(r["row"], r["reference"], r["status"]) for r in receipts] == [(2, "b", "received"), (3, "d", "received")]


async def test_formulas_of_the_rows_to_mend_become_the_values_they_were_read_with(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    rows = put(table([entry("a"), entry("b")], "en"), "District", 3, "Beijing")
    at = cell(rows, "Maturity (TRL)", 3)
    formula = f'<c r="{at}"><f>A1+1</f><v>7</v></c>'.encode()
    body = with_value(as_xlsx(rows, "Product"), at, formula)
    answer = await client.post(PRODUCT + "&rows=refused", content=body, headers=key | {"Accept": XLSX})
    assert opened(answer.content)[f"{at[:-1]}2"].value == 7


async def test_csv_comes_back_with_a_column_of_findings_that_is_passed_over_when_it_is_sent(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    rows = put(table([entry("a"), entry("b")], "en"), "Maturity (TRL)", 3, 0)
    headers = key | {"Content-Type": CSV, "Accept": CSV, "Accept-Language": "en"}
    body = as_csv(rows, ";")
    for _ in range(2):  # sent again as it came back, it is marked in the same place
        body = (await client.post(PRODUCT, content=body, headers=headers)).content
        assert body.startswith(b"\xef\xbb\xbf")
        marked = list(csv.reader(io.StringIO(body.decode("utf-8-sig")), delimiter=";"))
        assert [row[:-1] for row in marked] == [["" if cell is None else str(cell) for cell in row] for row in rows]
        assert [row[-1] for row in marked] == ["#findings", "", "Maturity (TRL): Out of range: expected ≥ 1."]


async def test_the_template_comes_in_both_languages_and_forms(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    for kind in ("scene", "product", "linkage"):
        for language, first in (("zh", "编号 *"), ("en", "Reference *")):
            path = f"/submissions/template?kind={kind}&language={language}"
            book = await client.get(path + "&format=xlsx")
            assert opened(book.content)["A1"].value == first
            text = await client.get(path + "&format=csv")
            assert text.content.decode("utf-8-sig").startswith(first)
            for template, type in ((book.content, XLSX), (text.content, CSV)):
                # Its headings are understood, and its example is passed over.
                assert await send(client, key, template, f"/submissions:sheet?kind={kind}", type) == []


async def test_what_is_asked_for_wrongly_is_a_problem_that_says_so(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    body = as_csv(table([entry()]))
    assert (await client.post(PRODUCT, content=body)).status_code == 401
    assert (await client.post("/submissions:sheet?kind=x", content=body, headers=key)).status_code == 422
    json = await client.post(PRODUCT, content=body, headers=key | {"Content-Type": "application/json"})
    assert (json.status_code, json.json()["type"]) == (415, "urn:shuangqian:problem:no-sheet")
    form = await client.post(PRODUCT, files={"file": ("entries.csv", body, CSV)}, headers=key)
    assert (form.status_code, form.json()["type"]) == (415, "urn:shuangqian:problem:no-sheet")
    assert (await client.get("/refusals", headers=key)).json()["items"] == []
    kindless = await client.post("/submissions:sheet", content=body, headers=key)
    assert kindless.status_code == 422 and kindless.json()["findings"][0]["rule"] == "sheet.kind"
