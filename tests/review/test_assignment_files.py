"""Assignments as files: downloaded, changed in a spreadsheet and sent back; mistakes by row."""

import csv
import io
import re
from typing import Any

import httpx2

from tests.review.assigning import PEOPLE, PR, SC, assigned, kept, opened
from tests.review.conftest import Review, SignIn
from tests.review.entries import OWN
from tests.review.people import OPERATOR


def table(answer: httpx2.Response) -> list[dict[str, str]]:
    assert answer.headers["content-type"].startswith("text/csv") and answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def sent(*rows: tuple[str, ...]) -> dict[str, Any]:
    body = "\n".join(",".join(row) for row in (("case", "reviewer"), *rows))
    return {"files": {"file": ("a.csv", body.encode(), "text/csv")}}


async def test_a_file_with_mistakes_names_all_of_them_by_row_and_changes_nothing(
    review: Review, signed_in: SignIn
) -> None:
    await opened(review, *PEOPLE)
    operator = signed_in(OPERATOR)
    answer = await operator.post(
        "/assignments:file",
        **sent(
            (SC, "li"),
            (SC, "sun"),
            (PR, "qian"),
            (PR, "nobody-here"),
            (PR, ""),
            (f"{OWN}/SC-404@1", "li"),
            (SC, "li"),
            (SC, "wang"),
            (SC, "zhao"),
        ),
    )
    assert answer.status_code == 422
    for said in (
        "Row 3, Account: 孙正 has a conflict of interest.",
        "Row 4, Account: 钱同 acts for the partner who sent it.",
        "Row 5, Account: nobody-here is not on the roster.",
        "Row 6, Account: Another row keeps this case",
        "Row 7, Case: There is no such case.",
        "Row 8, Account: The same stands in a row before.",
        "Row 9, Account: This case waits for so many reviews: 2.",
        "Row 10, Account: This case waits for so many reviews: 2.",
    ):
        assert said in answer.text, said
    assert "Row 2," not in answer.text and await kept(review) == {SC: [], PR: []}


async def test_a_file_takes_the_place_of_what_it_names_and_leaves_the_rest(review: Review, signed_in: SignIn) -> None:
    await opened(review, *PEOPLE)
    operator = signed_in(OPERATOR)
    assert (await operator.post("/assignments:file", **sent((SC, "li"), (SC, "zhao"), (PR, "wang")))).status_code == 200
    assert {row["Case"] for row in table(await operator.get("/assignments.csv"))} == {SC, PR}
    await operator.post("/assignments:file", **sent((SC, "wang")))
    assert {id: [sub for sub, _ in found] for id, found in (await kept(review)).items()} == {SC: ["wang"], PR: ["wang"]}
    await operator.post("/assignments:file", **sent((SC, "")))
    assert (await kept(review))[SC] == []
    await operator.post("/assignments:off", data={"case": PR, "reviewer": "wang"})
    assert (await kept(review))[PR] == []


async def test_a_proposal_that_was_downloaded_is_sent_back_as_it_is(review: Review, signed_in: SignIn) -> None:
    await opened(review, *PEOPLE)
    operator = signed_in(OPERATOR)
    zh = await operator.get("/assignments/proposal.csv", headers={"Accept-Language": "zh"})
    rows = table(zh)
    assert list(rows[0]) == ["案件", "账号", "姓名", "条目", "分派理由"] and len(rows) == 3
    assert {row["分派理由"] for row in rows if row["账号"] == "li" and row["案件"] == SC} == {
        "领域对口 · 通晓条目语言 · 手头案件最少 · 无利益冲突"
    }
    done = await operator.post("/assignments:file", files={"file": ("a.csv", zh.content, "text/csv")})
    assert "Assigned: 3." in done.text
    legacy = zh.content.decode("utf-8-sig").replace(",", ";").encode("gb18030")
    again = await operator.post("/assignments:file", files={"file": ("a.csv", legacy, "text/csv")})
    assert "Assigned: 0. Taken off: 0." in again.text, "another separator and encoding, the same table"


async def test_files_that_are_no_such_table_say_what_to_do(review: Review, signed_in: SignIn) -> None:
    operator = signed_in(OPERATOR)
    for body, said in (
        (b"", "Choose a file first"),
        (b"a,b\n", "Its first row must hold these headings: Case; Account."),
        (b"case,reviewer,until\n", "These headings are not known: until."),
        (b"case,name\n", "Its first row must hold these headings: Account."),
        (b"case,case,reviewer\n", "These headings stand there twice: Case."),
        (b"case,reviewer\n\n", "There is no row beneath the headings."),
        (b'case,reviewer\n"x,y', "A quotation mark in it is not closed"),
        (b"\xff\xfe\xfa", "It is neither UTF-8 nor GB 18030."),
        (b"case,reviewer\n" + b"x,y\n" * 20_001, "These are over 20,000 rows."),
        (b"x" * 20_000_001, "The file is larger than 20 MB."),
    ):
        answer = await operator.post("/assignments:file", files={"file": ("a.csv", body, "text/csv")})
        assert (answer.status_code, said in answer.text) == (422, True), said
    assert (await operator.post("/assignments:file")).status_code == 422


async def test_thousands_that_are_kept_are_read_by_pages_and_all_that_is_downloaded_can_be_sent_back(
    review: Review, signed_in: SignIn
) -> None:
    await opened(review, "li", "wang")
    await assigned(review, (SC, "li"), (SC, "wang"))
    one = await review.store.cases.find_one({"_id": SC})
    assert one
    await review.store.cases.insert_many([one | {"_id": f"{OWN}/SC-{n}@1"} for n in range(100, 1_150)])
    operator = signed_in(OPERATOR)
    first = page = await operator.get("/assignments")
    assert "2,102 items" in first.text and len(first.text) < 200_000
    cases = re.compile(r'name="case" value="([^"]+)"')
    seen = set(cases.findall(page.text))
    while following := re.search(r'href="[^"]*(/assignments\?after=[^"]+)" rel="next"', page.text):
        page = await operator.get(following[1])
        seen |= set(cases.findall(page.text))
    assert len(seen) == 1_051 and 'rel="prev"' in page.text
    file = await operator.get("/assignments.csv")
    assert len(table(file)) == 2_102
    again = await operator.post("/assignments:file", files={"file": ("a.csv", file.content, "text/csv")})
    assert "Assigned: 0. Taken off: 0." in again.text, "it is so already"
    # What is taken off on a page leads back to that page.
    after = str(page.url.params["after"])
    back = await operator.post("/assignments:off", data={"case": SC, "reviewer": "li", "after": after})
    assert back.url.params["after"] == after and "2,101 items" in back.text
