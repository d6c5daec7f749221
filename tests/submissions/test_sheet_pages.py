"""Sending a spreadsheet by the page: check, send, see every wrong cell, get the file back, send what was mended."""

import asyncio
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO
from urllib.parse import unquote

import httpx2
import pytest
from fastapi import FastAPI

from runtime.settings import Settings
from submissions.__main__ import mongo
from submissions.sheets.keeping import Files, TakenOver
from submissions.sheets.reading import XLSX, Sheet, look
from tests.submissions.given import OTHER, USCC, signed_in
from tests.submissions.sheet_files import Table, as_csv, as_xlsx, entry, opened, put, saved, table

HTML = {"Accept": "text/html,application/xhtml+xml", "Accept-Language": "en"}
FORM = "/submissions/new/file"


@pytest.fixture
def partner(settings: Settings) -> dict[str, str]:
    return HTML | signed_in(settings, "partner", partner=USCC)


def bad() -> Table:
    rows = put(table([entry("a"), entry("b"), entry("c")], "en"), "Maturity (TRL)", 3, 0)
    return put(rows, "District", 3, "Beijing")


async def upload(
    client: httpx2.AsyncClient, me: dict[str, str], body: bytes, *, action: str, name: str = "ours.xlsx"
) -> httpx2.Response:
    """The page that follows the form."""
    data = {"kind": "product", "action": action}
    answer = await client.post(FORM, data=data, files={"file": (name, body, XLSX)}, headers=me)
    if answer.status_code != 303:
        return answer
    return await client.get(answer.headers["location"], headers=me)


def figures(text: str) -> dict[str, int]:
    found = re.findall(r'sq-figure__label">([^<]+)</dt>\s*<dd class="sq-figure__value">\s*([0-9,]+)', text)
    return {label: int(value.replace(",", "")) for label, value in found}


async def test_the_way_to_it_and_its_templates_are_on_the_pages(
    client: httpx2.AsyncClient, partner: dict[str, str]
) -> None:
    assert f'href="{FORM}"' in (await client.get("/submissions/new", headers=partner)).text
    body = (await client.get(FORM, headers=partner)).text
    links = [link.replace("&amp;", "&") for link in re.findall(r'href="(/submissions/template[^"]+)"', body)]
    assert len(links) == 12
    for link in links:
        template = await client.get(link, headers=partner)
        assert template.status_code == 200 and "attachment" in template.headers["content-disposition"]


async def test_a_file_is_checked_then_sent_and_what_is_wrong_is_told_by_cell(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str]
) -> None:
    checked = await upload(client, partner, as_xlsx(bad(), "Product"), action="check")
    assert figures(checked.text) == {
        "Would be received": 2,
        "Would be revised": 0,
        "Unchanged": 0,
        "Would be refused": 1,
    }
    assert "Not one of the choices" in checked.text and "<code>Beijing</code>" in checked.text
    assert (await client.get("/submissions", headers=key)).json()["items"] == []
    sent = await client.post(checked.url.path, data={"action": "send"}, headers=partner)
    result = await client.get(sent.headers["location"], headers=partner)
    assert figures(result.text) == {"Received": 2, "Revised": 0, "Unchanged": 0, "Refused": 1}
    zh = await client.get(result.url.path, headers=partner, params={"lang": "zh"})
    assert "不在可选值之内" in zh.text and "Maturity (TRL)" in zh.text
    assert "合计或备注" in zh.text, "that a row can be kept out"


async def test_what_is_suggested_is_in_the_words_of_the_drop_downs(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str]
) -> None:
    rows = put(table([entry("a")], "zh"), "区域", 2, "金牛")
    result = await upload(client, partner | {"Accept-Language": "zh"}, as_xlsx(rows), action="check")
    assert "建议：金牛区" in result.text and "<code>jinniu</code>" not in result.text
    rows = put(table([entry("a")], "zh"), "编号", 2, "test!")
    result = await upload(client, partner | {"Accept-Language": "zh"}, as_xlsx(rows), action="check")
    assert "建议：<code>test</code>" in result.text and "建议：测试" not in result.text


async def test_the_rows_to_mend_come_back_are_mended_and_sent(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str]
) -> None:
    rows = bad()
    result = await upload(client, partner, as_xlsx(rows, "Product"), action="send")
    whole = await client.get(result.url.path + "/marked", headers=partner)
    assert opened(whole.content).max_row == 4
    mend = await client.get(result.url.path + "/marked?rows=refused", headers=partner)
    sheet = opened(mend.content)
    wrong = {c.column: c.comment.text for row in sheet for c in row if c.comment}
    district, maturity = (rows[0].index(heading) + 1 for heading in ("District", "Maturity (TRL)"))
    assert sheet.max_row == 2 and wrong.keys() == {district, maturity}
    sheet.cell(2, district).value, sheet.cell(2, maturity).value = "Wuhou", 7
    again = await upload(client, partner, saved(sheet.parent), action="send")
    assert figures(again.text)["Received"] == 1 and "Every row is taken in." in again.text
    items = (await client.get("/submissions", headers=key)).json()["items"]
    assert sorted(each["reference"] for each in items) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("name", "workbook", "back"),
    [
        ("x.csv", True, "x (to mend).xlsx"),
        ("x", True, "x (to mend).xlsx"),
        ("x.XLSX", True, "x (to mend).XLSX"),
        ("x.xlsm", True, "x (to mend).xlsx"),
        ("v1.2 draft", True, "v1.2 draft (to mend).xlsx"),
        ("x.xlsx", False, "x (to mend).csv"),
        ("x.tsv", False, "x (to mend).tsv"),
    ],
)
async def test_the_file_that_comes_back_is_named_by_what_it_is(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str], name: str, workbook: bool, back: str
) -> None:
    body = as_xlsx(bad(), "Product") if workbook else as_csv(bad())
    result = await upload(client, partner, body, action="check", name=name)
    mend = await client.get(result.url.path + "/marked?rows=refused", headers=partner)
    assert unquote(mend.headers["content-disposition"]).endswith(f"''{back}")
    assert mend.content.startswith(b"PK") == workbook == (mend.headers["content-type"] == XLSX)


async def test_every_finding_of_many_rows_is_shown_page_by_page(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str]
) -> None:
    rows = table([entry(f"r{n}", maturity=5) for n in range(120)], "en")
    for row in range(2, 122):
        put(rows, "Maturity (TRL)", row, 0)
    result = await upload(client, partner, as_csv(rows), action="check", name="ours.csv")
    shown = []
    for number in (1, 2, 3):
        text = (await client.get(f"{result.url.path}?page={number}", headers=partner)).text
        shown += re.findall(r'sq-quiet">(r[0-9]+)</span>', text)
    assert shown == [f"r{n}" for n in range(120)]


async def test_a_file_that_cannot_be_read_says_why_and_takes_nothing_in(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str]
) -> None:
    rows = bad()
    rows[0][rows[0].index("District")] = "Distrikt"
    answer = await upload(client, partner, as_xlsx(rows, "Product"), action="send")
    assert answer.status_code == 422 and "Is it “District”?" in answer.text
    assert "The column “District” is missing." in answer.text
    none = await client.post(FORM, data={"kind": "product"}, headers=partner)
    assert none.status_code == 422 and "Choose a file first" in none.text
    assert (await client.get("/submissions", headers=key)).json()["items"] == []


async def test_every_page_speaks_both_languages(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str]
) -> None:
    result = await upload(client, partner, as_xlsx(bad(), "Product"), action="check")
    for path in (FORM, result.url.path):
        for language, tag in (("zh", "zh-Hans-CN"), ("en", "en")):
            text = (await client.get(path, headers=partner, params={"lang": language})).text
            assert f'<html lang="{tag}"' in text and text.count("<h1") == 1


async def test_the_latest_files_of_a_person_are_kept(
    client: httpx2.AsyncClient, partner: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("submissions.sheets.keeping.MOST", 2)
    results = [await upload(client, partner, as_xlsx(bad(), "Product"), action="check") for _ in range(3)]
    answers = [await client.get(result.url.path + "/marked", headers=partner) for result in results]
    assert [answer.status_code for answer in answers] == [404, 200, 200]


async def test_a_file_is_its_senders_alone_and_goes_after_an_hour(
    client: httpx2.AsyncClient, app: FastAPI, settings: Settings, partner: dict[str, str]
) -> None:
    result = await upload(client, partner, as_xlsx(bad(), "Product"), action="check")
    colleague = HTML | signed_in(settings, "partner", "reviewer", partner=USCC)
    for who in (colleague, HTML | signed_in(settings, "partner", "operator", partner=OTHER)):
        for path in ("", "/marked"):
            assert (await client.get(result.url.path + path, headers=who)).status_code == 404
        assert (await client.post(result.url.path, headers=who)).status_code == 404
    async with mongo(settings) as database:
        sheets = database[settings.database("submissions")]["sheets"]
        (index,) = [each for each in (await sheets.index_information()).values() if "expireAfterSeconds" in each]
        assert index["expireAfterSeconds"] == 3600 and await sheets.count_documents({"at": {"$exists": False}}) == 0


async def test_what_stopped_on_the_way_says_so_and_goes_on_by_a_button(
    client: httpx2.AsyncClient, key: dict[str, str], settings: Settings, partner: dict[str, str]
) -> None:
    result = await upload(client, partner, as_xlsx(bad(), "Product"), action="send")
    token = result.url.path.rpartition("/")[2]
    died = {"state": "running", "beat": datetime.now(UTC) - timedelta(minutes=5), "row": 2, "counts": {"received": 1}}
    async with mongo(settings) as database:
        await database[settings.database("submissions")]["sheets"].update_one({"_id": token}, {"$set": died})
    stopped = await client.get(result.url.path, headers=partner)
    assert "It stopped on the way." in stopped.text and "refresh" not in stopped.headers
    await client.post(result.url.path, data={"action": "send"}, headers=partner)
    went_on = await client.get(result.url.path, headers=partner)
    # What it had taken in and not yet noted is here already.
    assert figures(went_on.text) == {"Received": 1, "Revised": 0, "Unchanged": 1, "Refused": 1}


async def test_of_two_runs_of_one_file_the_later_alone_says_what_became_of_it(
    client: httpx2.AsyncClient, settings: Settings, partner: dict[str, str]
) -> None:
    result = await upload(client, partner, as_xlsx(bad(), "Product"), action="send")
    token = result.url.path.rpartition("/")[2]

    def rows(*numbers: int) -> list[dict[str, Any]]:
        return [{"row": number, "reference": None, "zh": [], "en": []} for number in numbers]

    async with mongo(settings) as client_:
        files = Files(client_[settings.database("submissions")])
        first = await files.begin(token, check=False)
        assert first and await files.begin(token, check=False) is None
        await files.note(first, 10, {"refused": 2}, rows(4, 9))
        late = {"_id": token}, {"$set": {"beat": datetime.now(UTC) - timedelta(minutes=5)}}
        await client_[settings.database("submissions")]["sheets"].update_one(*late)
        # The first wrote what it found in more rows, and was too slow to note them.
        stray = {"_id": f"{token}/refused/{14:09}", "at": datetime.now(UTC), "rows": rows(14, 17)}
        await client_[settings.database("submissions")]["sheets"].insert_one(stray)
        second = await files.begin(token, check=False)
        assert second and second.row == 10 and second.run != first.run
        for act in (files.beat(first), files.note(first, 20, {}, rows(14, 17)), files.end(first, "stopped")):
            with pytest.raises(TakenOver):
                await act
        await files.note(second, 15, {"refused": 4}, rows(12, 14))
        await files.note(second, 20, {"refused": 5}, rows(17))
        await files.end(second, "done")
        assert [each["row"] for each in await files.refused(token)] == [4, 9, 12, 14, 17]


async def test_a_workbook_that_is_looked_through_for_long_is_not_said_to_have_stopped(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for where in ("sheets.keeping", "sheet_pages"):
        monkeypatch.setattr(f"submissions.{where}.STALLED", timedelta(seconds=1.5))
    looks: list[float] = []

    def slow(file: BinaryIO, kind: str | None) -> Sheet:
        looks.append(time.monotonic())
        if len(looks) == 2:  # the first is that of the upload
            time.sleep(5)
        return look(file, kind)

    monkeypatch.setattr("submissions.sheet_pages.look", slow)
    result = await upload(client, partner, as_xlsx(bad(), "Product"), action="send")
    assert "refresh" in result.headers and "It stopped on the way." not in result.text
    await client.post(result.url.path, data={"action": "send"}, headers=partner)
    assert len(looks) == 2, "nobody else takes it up"


async def test_what_was_sent_before_is_unchanged_when_checked_and_when_sent(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str]
) -> None:
    rows = bad()
    data = as_csv(rows)
    headers = key | {"Content-Type": "text/csv"}
    assert (await client.post("/submissions:sheet?kind=product", content=data, headers=headers)).status_code == 200
    for action, refused in (("check", "Would be refused"), ("send", "Refused")):
        found = figures((await upload(client, partner, data, action=action, name="ours.csv")).text)
        assert list(found.values()) == [0, 0, 2, 1] and (found["Unchanged"], found[refused]) == (2, 1)
    again = await upload(client, partner, as_csv(rows[:2]), action="check", name="ours.csv")
    assert "Every row is here already." in again.text and "Nothing was taken in yet." not in again.text


async def test_the_button_says_its_number_as_the_figure_above_it_does(
    client: httpx2.AsyncClient, key: dict[str, str], settings: Settings, partner: dict[str, str]
) -> None:
    result = await upload(client, partner, as_xlsx(bad(), "Product"), action="check")
    many = {"counts": {"received": 6000}}
    async with mongo(settings) as database:
        token = {"_id": result.url.path.rpartition("/")[2]}
        await database[settings.database("submissions")]["sheets"].update_one(token, {"$set": many})
    text = (await client.get(result.url.path, headers=partner)).text
    assert figures(text)["Would be received"] == 6000 and "Send the 6,000 rows that keep the rules" in text


async def test_a_long_file_shows_how_far_it_is(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("submissions.sheet_pages.PATIENCE_S", 0)
    body = as_csv(table([entry(f"r{n}") for n in range(1500)]))
    page = await upload(client, partner, body, action="send", name="ours.csv")
    assert page.headers["refresh"] == "2" and "<progress" in page.text
    for _ in range(600):
        if "refresh" not in page.headers:
            break
        await asyncio.sleep(0.05)
        page = await client.get(page.url.path, headers=partner)
    assert figures(page.text)["Received"] == 1500


async def test_rows_to_mend_of_a_file_that_was_checked_first_come_back_too(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str]
) -> None:
    checked = await upload(client, partner, as_xlsx(bad(), "Product"), action="check", name="产品.xlsx")
    sent = await client.post(checked.url.path, data={"action": "send"}, headers=partner)
    address = f"{sent.headers['location']}/marked"
    for query, rows in (("", 4), ("?rows=refused", 2)):
        answer = await client.get(address + query, headers=partner | {"Accept": "*/*"})
        assert answer.status_code == 200, answer.text
        assert opened(answer.content).max_row == rows
