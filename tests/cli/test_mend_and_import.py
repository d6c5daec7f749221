"""Sheets and mending as a partner meets them on the command line, against the real submissions api."""

import asyncio
import csv
import json
import os
import secrets
import shlex
import signal
import time
from pathlib import Path

import aiohttp
import httpx2
import orjson
import pytest
from openpyxl import load_workbook
from openpyxl.utils import get_column_letter

from shuangqian.importing import _moving
from shuangqian.sending import Dropped
from tests.cli.conftest import Shell
from tests.cli.proxy import line_to
from tests.submissions.given import USCC, line, submission
from tests.submissions.sheet_files import Table, as_book, as_csv, entry, put, saved, table


def some(prefix: str, count: int) -> Table:
    return table([entry(f"{prefix}-{n}") for n in range(count)], "code")


def name() -> str:
    return f"s{secrets.token_hex(3)}"


def test_a_sheet_gets_a_receipt_a_row_though_the_line_drops(stranger: Shell, api: httpx2.Client) -> None:
    prefix = name()
    path = stranger.file("entries.csv", as_csv(some(prefix, 2000)))
    with line_to(stranger.port, ("down", 50_000), ("up", 200), ("down", 9_000)) as way:
        done = stranger.at(way.port).run("import", path, "--kind", "product", "--json")
    assert done.returncode == 0, done.stderr
    receipts = [json.loads(text) for text in done.stdout.splitlines()]
    assert [(each["row"], each["status"]) for each in receipts] == [(row, "received") for row in range(2, 2002)]
    assert {each["event"] for each in receipts} == {f"{USCC}/{prefix}-{n}/1" for n in range(2000)}


def test_interrupted_again_and_again_a_sheet_loses_no_receipt(stranger: Shell) -> None:
    path, shell = stranger.file("entries.csv", as_csv(some(name(), 3000))), stranger.at(stranger.port)
    command = ("import", path, "--kind", "product", "--json", "--resume")
    text = b""
    for _ in range(2):
        process = shell.start(*command)
        assert process.stdout
        text += b"".join(process.stdout.readline() for _ in range(50))
        # The pipe is full by then: it stands in the midst of receipts that have come together.
        time.sleep(1)
        os.kill(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
        text += stdout
        assert process.returncode == 130, stderr
    text += shell.run(*command).stdout.encode()
    assert [json.loads(receipt)["row"] for receipt in text.splitlines()] == list(range(2, 3002))


def test_refused_rows_name_their_cells_and_the_marked_sheet_is_written(stranger: Shell) -> None:
    rows = put(some(name(), 3), "maturity", 3, 12)
    cell = f"{get_column_letter(rows[0].index('maturity') + 1)}3"
    for file, content in (("entries.csv", as_csv(rows)), ("entries.xlsx", saved(as_book(rows)))):
        path, marked = stranger.file(file, content), stranger.home / f"marked-{file}"
        command = ("import", path, "--kind", "product", "--marked", str(marked), "--json")
        done = stranger.at(stranger.port).run(*command)
        assert done.returncode == 1, done.stderr
        receipts = [json.loads(text) for text in done.stdout.splitlines()]
        assert [each["status"] for each in receipts] == ["received", "refused", "received"]
        assert [(each["rule"], each["cell"]) for each in receipts[1]["findings"]] == [("range", cell)]
    with (stranger.home / "marked-entries.csv").open(encoding="utf-8-sig", newline="") as text:
        heading, *marked_rows = csv.reader(text)
    findings = [row[len(rows[0]) :] for row in marked_rows]
    assert len(heading) == len(rows[0]) + 1 and [any(each) for each in findings] == [False, True, False]
    sheet = load_workbook(stranger.home / "marked-entries.xlsx").worksheets[0]
    assert [each.coordinate for row in sheet.iter_rows() for each in row if each.comment] == [cell]


def test_the_command_that_is_told_after_refused_rows_marks_them(stranger: Shell) -> None:
    path = stranger.file("my entries.csv", as_csv(put(some(name(), 2), "maturity", 3, 12)))
    shell = stranger.at(stranger.port)
    done = shell.run("import", path, "--kind", "product")
    (told,) = (text for text in done.stderr.splitlines() if "what would mend it: " in text)
    program, *command = shlex.split(told.partition("what would mend it: ")[2])
    marked = shell.run(*command)
    assert (program, done.returncode, marked.returncode) == ("shuangqian", 1, 1), marked.stderr
    assert (stranger.home / "my entries.marked.csv").exists() and "mend it" not in marked.stderr


def test_a_sheet_that_cannot_be_read_says_which_cell_and_not_to_send_it_again(stranger: Shell) -> None:
    rows = [list(row) for row in some(name(), 1)]
    rows[0].append("Remarks")
    rows[1].append("nice")
    path = stranger.file("extra.xlsx", saved(as_book(rows)))
    cell = f"{get_column_letter(len(rows[0]))}1"
    shell = stranger.at(stranger.port)
    for lang, said in (("en_GB.UTF-8", f"{cell}: No column is called"), ("zh_CN.UTF-8", f"{cell}: ")):
        done = shell.run("import", path, "--kind", "product", LANG=lang)
        assert (done.returncode, done.stdout) == (2, "") and said in done.stderr and "Remarks" in done.stderr
        assert "again" not in done.stderr and "再次" not in done.stderr and "重新" not in done.stderr
    done = shell.run("import", path, "--kind", "product", "--json")
    (finding,) = json.loads(done.stdout)["problem"]["findings"]
    assert (done.returncode, finding["cell"]) == (2, cell) and finding["text"] in done.stderr


def test_where_nothing_can_be_written_is_told_before_anything_is_sent(stranger: Shell, shell: Shell) -> None:
    prefix, nowhere = name(), str(stranger.home / "no" / "such.csv")
    sheet = shell.run("import", shell.file("a.csv", as_csv(some(prefix, 1))), "--kind", "product", "--marked", nowhere)
    lines = shell.run("errors", "--fix", "--file", shell.file("a.ndjson", line(prefix)), "--out", nowhere, "--send")
    for done in (sheet, lines):
        assert done.returncode == 2 and f"{nowhere} cannot be written" in done.stderr and "Traceback" not in done.stderr
    assert shell.run("status", f"{prefix}-0").returncode == 2


def test_a_sheet_is_marked_though_the_line_drops_after_all_is_taken_in(stranger: Shell) -> None:
    path, marked = stranger.file("a.csv", as_csv(some(name(), 2))), str(stranger.home / "marked.csv")
    # Whether it validates is asked first, then come the receipts.
    with line_to(stranger.port, ("up", 10**9), ("up", 10**9), ("down", 20)) as way:
        done = stranger.at(way.port).run("import", path, "--kind", "product", "--marked", marked)
    assert done.returncode == 0 and way.connections == 4, done.stderr
    assert len(Path(marked).read_bytes().splitlines()) == 3 and "Trying again" in done.stderr


async def test_a_server_that_is_silent_before_its_first_receipt_counts_as_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shuangqian.importing.PATIENCE_S", 0.05)
    (tmp_path / "a.csv").write_bytes(b"x" * 100)
    silent: asyncio.Future[aiohttp.ClientResponse] = asyncio.Future()
    with (tmp_path / "a.csv").open("rb", buffering=0) as file:
        asyncio.get_running_loop().call_later(0.02, file.read, 50)
        with pytest.raises(Dropped):
            await _moving(silent, file)
    assert silent.cancelled()


def test_whoever_reads_no_further_is_no_refusal(shell: Shell) -> None:
    for arguments in (("--help",), ("login", "--show")):
        process = shell.start(*arguments)
        assert process.stdout and process.stderr
        process.stdout.close()
        assert (process.wait(60), process.stderr.read()) == (141, b"")


def test_a_time_before_all_times_is_told(shell: Shell) -> None:
    done = shell.run("events", "tail", "--since", "999999d")
    assert done.returncode == 2 and "This is no time: 999999d" in done.stderr


def test_texts_as_excel_saves_them_are_sheets_too(stranger: Shell) -> None:
    shell = stranger.at(stranger.port)
    for ending, separator, encoding in ((".txt", "\t", "utf-16"), (".tsv", "\t", "utf-8"), (".CSV", ";", "gb18030")):
        path = stranger.file(f"entries{ending}", as_csv(some(name(), 2), separator, encoding))
        marked = str(stranger.home / "marked.txt")
        done = shell.run("import", path, "--kind", "product", "--json", "--marked", marked)
        assert done.returncode == 0, done.stderr
        assert [json.loads(text)["status"] for text in done.stdout.splitlines()] == ["received"] * 2
    without = shell.run("import", stranger.file("entries.txt", b"x"))
    assert without.returncode == 2 and "A .txt file needs its kind" in without.stderr


def test_validating_only_takes_nothing_in(stranger: Shell, shell: Shell) -> None:
    prefix = name()
    sheet = shell.run("import", shell.file("a.csv", as_csv(some(prefix, 3))), "--kind", "product", "--validate-only")
    lines = shell.run("submit", shell.file("a.ndjson", line(prefix)), "--validate-only")
    assert (sheet.returncode, lines.returncode) == (0, 0), sheet.stderr + lines.stderr
    assert "Checked, nothing was taken in: 3 received" in sheet.stderr
    for reference in (prefix, f"{prefix}-0"):
        assert shell.run("status", reference).returncode != 0


def test_what_is_no_sheet_or_lacks_its_kind_is_exit_code_2(stranger: Shell) -> None:
    for arguments in (("import", "entries.json"), ("import", stranger.file("entries.csv", as_csv(some("x", 1))))):
        assert stranger.at(9).run(*arguments).returncode == 2


def test_what_was_refused_under_a_number_that_holds_something_else_is_mended_as_it_is_told(shell: Shell) -> None:
    taken = name()
    assert shell.run("submit", shell.file("taken.ndjson", line(taken))).returncode == 0
    path = shell.file("again.ndjson", line(taken, maturity="7"))
    done = shell.run("submit", path)
    assert done.returncode == 1
    command = done.stderr.rpartition("shuangqian ")[2]
    mended = shell.run(*shlex.split(command), "--out", str(shell.home / "mended.ndjson"))
    assert '"7" → 7' in mended.stderr, mended.stderr
    assert json.loads((shell.home / "mended.ndjson").read_text())["entry"]["maturity"] == 7


def test_fixes_are_applied_to_the_file_and_what_has_none_is_left(shell: Shell) -> None:
    good, slips, hopeless = name(), name(), name()
    slipped = submission(slips, district="高新区") | {"revison": 1}
    del slipped["revision"]
    content = line(good) + orjson.dumps(slipped) + b"\n" + line(hopeless, maturity=0) + b"{no json\n"
    path = shell.file("entries.ndjson", content)
    assert shell.run("submit", path).returncode == 1
    told = shell.run("errors", slips)
    assert told.returncode == 1 and "/entry/district" in told.stdout and "Fix" in told.stdout
    done = shell.run("errors", "--fix", "--file", path)
    assert done.returncode == 1 and "/entry/maturity" in done.stdout and "/entry/district" not in done.stdout
    mended = Path(path).with_name("entries.mended.ndjson")
    first, second, third, last = mended.read_bytes().splitlines()
    assert (first + b"\n", third + b"\n", last) == (line(good), line(hopeless, maturity=0), b"{no json")
    assert json.loads(second) == submission(slips, district="hi-tech-zone")
    assert Path(path).read_bytes() == content
    sent = shell.run("submit", str(mended), "--json")
    assert [json.loads(text)["status"] for text in sent.stdout.splitlines()] == ["received"] * 2 + ["refused"] * 2


def test_what_is_changed_is_listed_and_what_has_no_fix_is_not_sent(shell: Shell) -> None:
    good, slips, hopeless = name(), name(), name()
    slipped = submission(slips, maturity="8") | {"revison": 1}
    del slipped["revision"]
    content = line(good) + orjson.dumps(slipped) + b"\n" + line(hopeless, maturity=0) + b"{no json\n"
    path = shell.file("entries.ndjson", content)
    refused = shell.run("submit", path)
    assert refused.returncode == 1
    assert 'Found: "8"' in refused.stdout and "Fix: replace /entry/maturity: 8" in refused.stdout
    done = shell.run("errors", "--fix", "--file", path, "--send")
    assert done.returncode == 1, "two are left"
    told = done.stderr.splitlines()
    assert told[:2] == [
        'Line 2: replace /entry/maturity: "8" → 8',
        "Line 2: move /revison → /revision: 1",
    ]
    assert "2 not sent: mend them by hand in" in done.stderr and "2 received" in done.stderr
    assert "/entry/maturity" in done.stdout and "Not valid JSON" in done.stdout
    rows = [text.split() for text in done.stdout.splitlines() if text.startswith(("✓", "="))]
    assert [row[2] for row in rows] == [good, slips]
    again = shell.run("errors", "--fix", "--file", path, "--json")
    said = json.loads(again.stdout)
    assert [each["line"] for each in said["left"]] == [3, 4] and "Line 2: replace" in again.stderr
    assert {"line": 2, "op": "replace", "path": "/entry/maturity", "value": 8, "old": "8"} in said["changes"]


def test_what_was_mended_by_hand_stays_and_what_was_taken_in_is_not_touched(shell: Shell) -> None:
    mine, two, late, twice = (name() for _ in range(4))
    kept = line(two, title={"zh": "另一条目"})
    first = line(mine, maturity="8") + line(two) + kept + line(late, 3) + line(late, 2, maturity=7)
    first += line(twice, maturity=2).strip()[:-2] + b', "maturity": "8"}}\n'
    assert shell.run("submit", shell.file("first.ndjson", first + line(two, maturity=6))).returncode == 1
    # One is mended by hand, to another value than the fix has; of the last the number was forgotten.
    _, *rest = first.splitlines(keepends=True)
    path = shell.file("entries.ndjson", line(mine, maturity=7) + b"".join(rest) + line(two, maturity=6))
    done = shell.run("errors", "--fix", "--file", path, "--send", "--json")
    assert done.returncode == 1, done.stderr
    mended = Path(path).with_name("entries.mended.ndjson").read_bytes().splitlines(keepends=True)
    assert mended[:6] == [line(mine, maturity=7), *rest], "as they were"
    assert json.loads(mended[6]) == submission(two, 2, maturity=6)
    assert [text for text in done.stderr.splitlines() if text.startswith("Line ")] == [
        "Line 7: replace /revision: 1 → 2"
    ]
    left, _, sent = done.stdout.partition("\n}\n")
    rules = [(each["line"], each["rule"]) for each in json.loads(left + "}")["left"]]
    assert rules == [(3, "revision.taken"), (5, "revision.stale"), (6, "repeated-field"), (6, "type")], done.stdout
    # What was sent before is answered as it was then.
    assert [(each["line"], each["revision"], each["status"]) for each in map(json.loads, sent.splitlines())] == [
        (1, 1, "received"),
        (2, 1, "received"),
        (4, 3, "received"),
        (7, 2, "revised"),
    ]
