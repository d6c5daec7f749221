"""What people see and do: send, mend, withdraw, issue and revoke keys, register partners."""

import gzip
import html
import re
from datetime import UTC, datetime, timedelta

import httpx2
import orjson
import pytest

from runtime.settings import Settings
from submissions.__main__ import mongo
from submissions.pasted import MAX_ENTRIES, MAX_UPLOAD_BYTES
from submissions.store import ProgressStore
from tests.submissions.given import OTHER, USCC, line, signed_in, submission
from tests.submissions.sheet_files import as_csv, as_xlsx, entry, table
from tests.submissions.test_expected import through

HTML = {"Accept": "text/html,application/xhtml+xml", "Accept-Language": "en"}


@pytest.fixture
def partner(settings: Settings) -> dict[str, str]:
    return HTML | signed_in(settings, "partner", partner=USCC)


@pytest.fixture
def operator(settings: Settings) -> dict[str, str]:
    return HTML | signed_in(settings, "operator")


async def test_an_empty_desk_says_how_to_start(client: httpx2.AsyncClient, partner: dict[str, str]) -> None:
    body = (await client.get("/submissions", headers=partner)).text
    assert "Nothing was sent in yet." in body and 'href="/submissions/new"' in body and 'href="/keys"' in body


async def test_every_page_speaks_both_languages(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str], operator: dict[str, str]
) -> None:
    await client.post("/submissions:stream", content=line("a") + line("b", maturity=0) + b"no json\n", headers=key)
    id = key["Authorization"].split("_")[2]
    pages = ["", "/new", "/refused", f"/{USCC}/a", f"/{USCC}/a/withdraw", f"/{USCC}/b"]
    paths = [*(f"/submissions{page}" for page in pages), "/keys", f"/keys/{id}", "/requests", "/docs"]
    theirs = ["/submissions", "/partners", "/requests", f"/submissions/{USCC}/a"]
    for who, opened in ((partner, paths), (operator, theirs)):
        for path in opened:
            for language, tag in (("zh", "zh-Hans-CN"), ("en", "en")):
                answer = await client.get(path, headers=who, params={"lang": language})
                assert answer.status_code == 200, path
                assert f'<html lang="{tag}"' in answer.text and answer.text.count("<h1") == 1, path


async def test_a_form_with_good_and_bad_lines_takes_in_the_good_and_tells_of_the_bad(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str]
) -> None:
    files = {"file": ("entries.ndjson", line("a") + line("b", maturity=0) + line("c"), "application/x-ndjson")}
    answer = await client.post("/submissions/new/json", files=files, headers=partner)
    assert answer.status_code == 422
    assert "1 line was refused" in answer.text and "2 other lines are taken in" in answer.text
    assert "<code>/entry/maturity</code>" in answer.text and 'href="#finding-2-1"' in answer.text
    listed = (await client.get("/submissions", headers=partner)).text
    assert f"/submissions/{USCC}/a" in listed and f"/submissions/{USCC}/b" not in listed
    assert ">b</a>" in (await client.get("/submissions/refused", headers=partner)).text
    asked_for = await client.get("/submissions?status=refused", headers=partner)
    assert (asked_for.status_code, asked_for.headers["location"]) == (303, "/submissions/refused")


async def test_json_may_be_one_a_list_or_laid_out(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str]
) -> None:
    texts = {
        "one": orjson.dumps(submission("one"), option=orjson.OPT_INDENT_2),
        "list": orjson.dumps([submission("list"), submission("list-2")]),
        "lines": line("lines") + b"\n" + line("lines-2"),
    }
    for text in texts.values():
        answer = await client.post("/submissions/new/json", data={"text": text.decode()}, headers=partner)
        assert (answer.status_code, answer.headers["location"]) == (303, "/submissions")
    items = (await client.get("/submissions", headers=key)).json()["items"]
    assert sorted(each["reference"] for each in items) == ["lines", "lines-2", "list", "list-2", "one"]
    slip = texts["one"].replace(b'"revision"', b"revision").decode()
    answer = await client.post("/submissions/new/json", data={"text": slip}, headers=partner)
    assert answer.status_code == 422 and "1 entry was refused" in answer.text
    empty = await client.post("/submissions/new/json", data={"text": " "}, headers=partner)
    assert empty.status_code == 422 and "Choose a file or paste at least one entry." in empty.text


async def test_text_of_more_than_a_mebibyte_is_taken_and_what_is_too_much_is_told_in_the_readers_language(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str]
) -> None:
    path, large = "/submissions/new/json", line("large").decode() + "\n" * 2**20
    assert (await client.post(path, data={"text": large}, headers=partner)).status_code == 303
    assert (await client.post(path, files={"text": (None, large)}, headers=partner)).status_code == 303
    many = {"lines": "{}\n" * (MAX_ENTRIES + 1), "list": orjson.dumps([{}] * (MAX_ENTRIES + 1)).decode()}
    for language, said in (("en", "Nothing of it was taken in."), ("zh", "均未接收")):
        told = partner | {"Accept-Language": language}
        for name, text in many.items():
            answer = await client.post(path, files={"file": ("a.json", text)}, headers=told)
            assert answer.status_code == 413 and said in answer.text and "submissions:stream" in answer.text, name
        too_long = " " * (MAX_UPLOAD_BYTES + 1)
        for answer in (
            await client.post(path, data={"text": too_long}, headers=told),
            await client.post(path, files={"text": (None, too_long)}, headers=told),
        ):
            assert answer.status_code == 413 and said in answer.text and "exceeded" not in answer.text
    assert (await client.get("/refusals", headers=key)).json()["items"] == []


async def test_a_field_that_stands_in_an_entry_twice_is_told_however_it_comes(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str]
) -> None:
    await client.post("/submissions", json=submission("here"), headers=key)
    twice = line("here", 2, maturity=9).decode().strip()[:-2] + ', "maturity": 2}}'
    for path in ("/submissions/new/json", f"/submissions/{USCC}/here"):
        for text in (twice, f"[{twice}]", twice.replace("{", "{\n")):
            for action in ("check", "send"):
                answer = await client.post(path, data={"text": text, "action": action}, headers=partner)
                assert "<code>/entry/maturity</code>" in answer.text, (path, action)
                assert "more than once. Keep only one of them." in answer.text, (path, action)
    (item,) = (await client.get("/submissions", headers=key)).json()["items"]
    assert item["revision"] == 1


async def test_what_is_wrong_is_told_by_entry_in_a_document_and_by_line_in_ndjson(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str]
) -> None:
    both = [submission("a"), submission("b", maturity=0)]
    document = orjson.dumps(both, option=orjson.OPT_INDENT_2).decode()
    lines = "\n".join(orjson.dumps(each).decode() for each in both)
    for language, said, of_document, of_lines in (
        ("en", "1 entry was refused", "Entry 2: ", "Line 2: "),
        ("zh", "1 条被拒收", "第 2 条：", "第 2 行："),
    ):
        headers = partner | {"Accept-Language": language}
        answer = await client.post("/submissions/new/json", data={"text": document}, headers=headers)
        assert answer.status_code == 422
        assert said in answer.text and of_document in answer.text and of_lines not in answer.text
        answer = await client.post("/submissions/new/json", data={"text": lines}, headers=headers)
        assert of_lines in answer.text and of_document not in answer.text


@pytest.mark.parametrize(
    ("file", "zh", "en"),
    [
        (as_xlsx(table([entry("a")])), "这是 zip 或 Excel（xlsx）文件", "this is a zip or Excel (xlsx) file"),
        (gzip.compress(line("a") * 100), "这是 gzip 压缩文件", "these bytes are gzip"),
        (line("a").decode().encode("utf-16"), "UTF-16", "UTF-16"),
        (line("a").decode().encode("gb18030") * 2, "GB 18030", "GB 18030"),
        (b"\xff\xfe\n" * 50, "UTF-16", "UTF-16"),
        (as_csv(table([entry("a"), entry("b")])), "JSON 条目以 { 开头", "an entry in JSON begins with {"),
    ],
    ids=["xlsx", "gzip", "UTF-16", "GB 18030", "a byte order mark", "CSV"],
)
async def test_a_file_of_another_kind_is_told_once_and_nothing_of_it_is_kept(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str], file: bytes, zh: str, en: str
) -> None:
    await client.post("/submissions", json=submission("here"), headers=key)
    for path in ("/submissions/new/json", f"/submissions/{USCC}/here"):
        for language, said, title in (("zh", zh, "没有提交任何内容"), ("en", en, "Nothing was sent")):
            for action in ("send", "check"):
                answer = await client.post(
                    path,
                    files={"file": ("entries.ndjson", file)},
                    data={"action": action},
                    headers=partner | {"Accept-Language": language},
                )
                assert answer.status_code == 422 and title in answer.text, (path, action)
                assert re.search(rf'<a href="#file">[^<]*{re.escape(said)}', answer.text), (path, action)
                assert 'id="file-error"' in answer.text and 'id="text-error"' not in answer.text
    pasted = await client.post("/submissions/new/json", data={"text": "reference;revision"}, headers=partner)
    assert pasted.status_code == 422 and 'href="#text"' in pasted.text and 'id="text-error"' in pasted.text
    assert (await client.get("/refusals", headers=key)).json()["items"] == []


async def test_json_is_checked_only_where_that_is_asked_for(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str]
) -> None:
    page = (await client.get("/submissions/new/json", headers=partner)).text
    assert re.search(r'name="action" value="check">Check only</button>', page)
    await client.post("/submissions", json=submission("here"), headers=key)
    each = [submission("new"), submission("here"), submission("here", 2, maturity=7), submission("bad", maturity=0)]
    text = orjson.dumps(each, option=orjson.OPT_INDENT_2).decode()
    answer = await client.post("/submissions/new/json", data={"text": text, "action": "check"}, headers=partner)
    assert answer.status_code == 200
    assert "1 entry would be refused" in answer.text and "nothing was sent" in answer.text
    tags = re.findall(r'__title">(Entry \d)\s*<code>(\w+)</code>\s*<strong[^>]*>\s*(.*?)\s*</strong>', answer.text)
    assert tags == [
        ("Entry 4", "bad", "Would be refused"),
        ("Entry 1", "new", "Would be received"),
        ("Entry 2", "here", "Unchanged"),
        ("Entry 3", "here", "Would be revised"),
    ]
    assert "&#34;reference&#34;: &#34;new&#34;" in answer.text  # it is there to be sent
    items = (await client.get("/submissions", headers=key)).json()["items"]
    assert [(one["reference"], one["revision"]) for one in items] == [("here", 1)]
    assert ">bad</a>" not in (await client.get("/submissions/refused", headers=partner)).text
    zh = partner | {"Accept-Language": "zh"}
    good = {"text": line("new").decode(), "action": "check"}
    answer = await client.post("/submissions/new/json", data=good, headers=zh)
    assert answer.status_code == 200 and "将收到" in answer.text and "尚未提交任何内容" in answer.text
    assert "仅检查" in answer.text and "<title>错误" not in answer.text
    empty = await client.post("/submissions/new/json", data={"text": "", "action": "check"}, headers=partner)
    assert empty.status_code == 422 and "Choose a file or paste at least one entry." in empty.text


async def test_a_revision_too_can_be_checked_only(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str]
) -> None:
    await client.post("/submissions", json=submission("a"), headers=key)
    path = f"/submissions/{USCC}/a"
    assert "Check only" in (await client.get(path, headers=partner)).text
    for text, fate, title in (
        (submission("a", 2, maturity=7), "Would be revised", "<title>"),
        (submission("a", 2, maturity=0), "Would be refused", "<title>Error"),
    ):
        form = {"text": orjson.dumps(text).decode(), "action": "check"}
        answer = await client.post(path, data=form, headers=partner)
        assert answer.status_code == 200 and fate in answer.text and title in answer.text
        assert "&#34;revision&#34;:2" in answer.text  # it is there to be sent
    assert (await client.get(path, headers=key)).json()["revision"] == 1


async def test_the_next_revision_is_prepared_and_sent_from_the_page(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str]
) -> None:
    await client.post("/submissions", json=submission("a"), headers=key)
    path = f"/submissions/{USCC}/a"
    body = (await client.get(path, headers=partner)).text
    text = re.search(r"<textarea[^>]*>(.*?)</textarea>", body, re.DOTALL)
    assert text is not None
    prepared = text[1].replace("&#34;", '"').replace("&amp;", "&")
    assert orjson.loads(prepared)["revision"] == 2
    answer = await client.post(path, data={"text": prepared}, headers=partner)
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    assert (await client.get(path, headers=key)).json()["revision"] == 2
    stale = await client.post(path, data={"text": line("a", 1, maturity=7).decode()}, headers=partner)
    assert stale.status_code == 422 and "send it as revision 3" in stale.text


async def test_withdrawing_asks_for_a_reason_and_confirmation(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str]
) -> None:
    await client.post("/submissions", json=submission("a"), headers=key)
    path = f"/submissions/{USCC}/a"
    assert f'href="{path}/withdraw"' in (await client.get(path, headers=partner)).text
    assert (await client.post(f"{path}/withdraw", headers=partner)).status_code == 422
    answer = await client.post(f"{path}/withdraw", data={"reason": "sold"}, headers=partner)
    assert answer.status_code == 303
    body = (await client.get(path, headers=partner)).text
    assert "You took it back." in body and "<textarea" not in body


async def test_whoever_opens_the_withdrawal_of_what_cannot_be_withdrawn_is_told_at_once(
    client: httpx2.AsyncClient, settings: Settings, key: dict[str, str], partner: dict[str, str]
) -> None:
    await client.post("/submissions", json=submission("refused", maturity=0), headers=key)
    for answer in (
        await client.get(f"/submissions/{USCC}/refused/withdraw", headers=partner),
        await client.post(f"/submissions/{USCC}/refused/withdraw", data={"reason": "sold"}, headers=partner),
        await client.post(
            f"/submissions/{USCC}/refused/withdraw", json={"reason": "sold"}, headers=key | {"Accept-Language": "en"}
        ),
    ):
        assert answer.status_code == 409 and "Nothing of this was taken in" in answer.text
    await client.post("/submissions", json=submission("public"), headers=key)
    async with mongo(settings) as connection:
        told = through("public", datetime.now(UTC) - timedelta(days=3), until="published")
        await ProgressStore(connection[settings.database("submissions")]).take(told)
    opened = await client.get(f"/submissions/{USCC}/public/withdraw", headers=partner)
    assert opened.status_code == 409 and "What is published cannot be withdrawn" in opened.text


async def test_what_has_no_legible_reference_says_where_it_is_sent_again(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str]
) -> None:
    await client.post("/submissions:stream", content=b"no json\n", headers=key)
    listed = (await client.get("/submissions/refused", headers=partner)).text
    link = re.search(rf'href="(/submissions/{USCC}/~[^"]+)"', listed)
    assert link is not None
    shown = (await client.get(link[1], headers=partner)).text
    assert "Send it again" in shown and 'href="/submissions/new/json"' in shown


async def test_what_is_missing_among_ones_own_leads_to_ones_own(
    client: httpx2.AsyncClient, partner: dict[str, str]
) -> None:
    for path in (f"/submissions/{USCC}/none", "/requests/none", "/keys/none", f"/submissions/drafts/{'0' * 32}"):
        answer = await client.get(path, headers=partner)
        assert answer.status_code == 404 and '/submissions">My submissions</a>' in answer.text.split("<main")[1], path
    assert "My submissions" not in (await client.get("/none", headers=HTML)).text


async def test_a_text_that_nobody_changed_is_told_when_it_is_checked(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str]
) -> None:
    await client.post("/submissions", json=submission("a"), headers=key)
    path, told = f"/submissions/{USCC}/a", "It says the same as revision 1"
    prepared = re.search(r"<textarea[^>]*>(.*?)</textarea>", (await client.get(path, headers=partner)).text, re.DOTALL)
    assert prepared is not None
    text = html.unescape(prepared[1])
    same = await client.post(path, data={"text": text.replace("\n", "\r\n"), "action": "check"}, headers=partner)
    assert told in same.text
    changed = {"text": line("a", 2, maturity=3).decode(), "action": "check"}
    assert told not in (await client.post(path, data=changed, headers=partner)).text
    # The text is as it was prepared, and a file is chosen: the file counts.
    for file, unaltered in ((line("a", 2, maturity=3), False), (text.encode(), True)):
        form = {"text": text if not unaltered else changed["text"], "action": "check"}
        answer = await client.post(path, data=form, files={"file": ("next.json", file)}, headers=partner)
        assert answer.status_code == 200 and (told in answer.text) is unaltered


async def test_a_key_is_shown_once_and_works_until_revoked(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str]
) -> None:
    form = re.search(r'name="request" value="(\w+)"', (await client.get("/keys", headers=partner)).text)
    assert form is not None
    data = {"label": "ERP", "mode": "live", "scopes": ["submit", "read"], "request": form[1]}
    answer = await client.post("/keys", data=data, headers=partner)
    shown = re.search(r"sq_live_([0-9a-f]{12})_[0-9a-f]{64}", answer.text)
    assert answer.status_code == 201 and answer.headers["cache-control"] == "no-store" and shown is not None
    bearer = {"Authorization": f"Bearer {shown[0]}"}
    assert (await client.post("/keys", data=data, headers=partner)).status_code == 409
    listed = (await client.get("/keys", headers=partner)).text
    assert "ERP" in listed and shown[0] not in listed
    assert (await client.post("/submissions", json=submission("a"), headers=bearer)).status_code == 201
    assert (await client.post(f"/keys/{shown[1]}/revoke", headers=partner)).status_code == 303
    assert (await client.post("/submissions", json=submission("a"), headers=bearer)).status_code == 401


async def test_an_operator_registers_a_partner_with_a_code_that_holds(
    client: httpx2.AsyncClient, operator: dict[str, str], partner: dict[str, str]
) -> None:
    assert (await client.get("/partners", headers=partner)).status_code == 403
    wrong = {"uscc": "91510100MA6C000000", "zh": "川", "type": ""}
    answer = await client.post("/partners", data=wrong, headers=operator)
    assert answer.status_code == 422 and answer.text.count("govuk-error-message") == 3
    data = {"uscc": OTHER, "zh": "川椒里供应链", "en": "", "type": "enterprise"}
    assert (await client.post("/partners", data=data, headers=operator)).status_code == 303
    assert OTHER in (await client.get("/partners", headers=operator)).text


async def test_nobody_opens_what_is_not_theirs(
    client: httpx2.AsyncClient, settings: Settings, key: dict[str, str]
) -> None:
    await client.post("/submissions", json=submission("a"), headers=key)
    path = f"/submissions/{USCC}/a"
    others = HTML | signed_in(settings, "partner", partner=OTHER)
    assert (await client.get(path, headers=others)).status_code == 404
    assert (await client.post(f"{path}/withdraw", data={"reason": "no"}, headers=others)).status_code == 404
    assert (await client.get(path, headers=HTML | signed_in(settings, "reviewer", partner=USCC))).status_code == 403
    assert (await client.get(path, headers=HTML | signed_in(settings, "partner"))).status_code == 403
    assert (await client.get(path, headers=HTML)).headers["location"].startswith("/sign-in")
