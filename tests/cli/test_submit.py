"""`shuangqian submit`, as a partner meets it: every line gets its receipt, whatever the connection does."""

import asyncio
import gzip
import json
import os
import secrets
import signal
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from runtime.settings import Settings
from schemas.entry import SubmissionLine
from schemas.envelope import Event
from schemas.review import CaseDecided, Decision
from shuangqian.client import failure
from shuangqian.places import KeptPlace
from shuangqian.sending import json_lines
from shuangqian.submitting import carry_out
from submissions.__main__ import mongo
from submissions.store import ProgressStore
from tests.cli.conftest import Shell
from tests.cli.proxy import line_to
from tests.submissions.given import USCC, line, submission
from web.shell import Failed


def references(count: int) -> list[str]:
    """Names that no other test has."""
    mark = secrets.token_hex(4)
    return [f"{mark}-{n}" for n in range(count)]


def receipts(stdout: str) -> list[dict[str, Any]]:
    return [json.loads(text) for text in stdout.splitlines()]


def test_everything_taken_in_is_exit_code_0_and_a_receipt_a_line(shell: Shell) -> None:
    names = references(3)
    done = shell.run("submit", shell.file("entries.ndjson", b"".join(map(line, names))), "--json")
    assert done.returncode == 0, done.stderr
    assert [(r["line"], r["reference"], r["status"]) for r in receipts(done.stdout)] == [
        (n, name, "received") for n, name in enumerate(names, start=1)
    ]
    assert "Done: 3 received" in done.stderr


def test_some_refused_is_exit_code_1_with_every_finding(shell: Shell) -> None:
    good, bad = references(2)
    path = shell.file(
        "entries.ndjson", line(good) + b"\n\n" + line(bad, maturity=0, tags=["x"] * 99, industry="") + b"no json\n"
    )
    done = shell.run("submit", path)
    assert done.returncode == 1
    rows = done.stdout.splitlines()
    assert rows[0].split() == ["✓", "1", good, "r1", "Received"]
    assert rows[1].split() == ["✗", "4", bad, "r1", "Refused"]
    for part in ("/entry/maturity", "Out of range: expected ≥ 1", "/entry/tags", "Found: 0", "Not valid JSON"):
        assert part in done.stdout
    assert "Found: nothing" in done.stdout  # the industry, which is an empty text
    (industry,) = (row for row in rows if "/entry/industry" in row)
    assert industry.endswith("  choice") and len(industry) > 120, "piped, a finding is one line"
    assert "1 received · 2 refused" in done.stderr
    assert f"mend it: shuangqian errors --fix --file {path}\n" in done.stderr


def test_a_json_list_one_entry_or_standard_input_goes_the_same_way(shell: Shell) -> None:
    names = references(4)
    entries = [json.loads(line(name)) for name in names]
    for content, name, sent in (
        (json.dumps(entries[:2], indent=2), "two.json", names[:2]),
        (json.dumps(entries[2], indent=2), "one.json", names[2:3]),
    ):
        done = shell.run("submit", shell.file(name, content.encode()), "--json")
        assert [r["reference"] for r in receipts(done.stdout)] == sent, done.stderr
    for content in (json.dumps(entries[3:], indent=2), json.dumps(entries[3], indent=2), line(names[3]).decode()):
        done = shell.run("submit", "-", "--json", stdin=content)
        assert [(r["reference"], r["status"]) for r in receipts(done.stdout)] == [(names[3], "received")], done.stderr


def test_a_field_that_stands_in_an_entry_twice_is_refused_in_a_list_too(shell: Shell) -> None:
    good, bad = references(2)
    twice = line(bad, maturity=9).strip()[:-2] + b', "maturity": 2}}'
    once = json.dumps(json.loads(line(bad, maturity=9)), indent=2)
    laid_out = once.replace('"maturity": 9', '"maturity": 9,\r\n  "maturity": 2').encode()
    beside = line(good).strip()
    for name, content, sent in (
        ("a.json", b"[" + beside + b",\n" + twice + b"]", [good, bad]),
        ("laid-out.json", b"[\n" + laid_out + b",\n" + beside + b",\n" + laid_out + b"\n]", [bad, good, bad]),
        ("one.json", laid_out, [bad]),
    ):
        done = shell.run("submit", shell.file(name, content), "--json")
        assert [receipt["reference"] for receipt in receipts(done.stdout)] == sent
        last = receipts(done.stdout)[-1]
        assert done.returncode == 1, done.stderr
        assert [(each["rule"], each["pointer"]) for each in last["findings"]] == [("repeated-field", "/entry/maturity")]


def test_what_is_no_entries_is_not_sent(stranger: Shell) -> None:
    shell = stranger.at(9)  # where nobody would take anything
    entries = [json.loads(line(name)) for name in references(2)]
    pretty = "\n".join(json.dumps(entry, indent=2) for entry in entries)
    hugging = pretty.replace("{\n  ", "{ ", 1)
    for file, content, said in (
        ("formula.xlsx", b"PK\x03\x04\x14\x00\x06\x00\x08\n\xff", "shuangqian import FILE.xlsx"),
        ("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "shuangqian import FILE.xlsx"),
        ("a.ndjson.gz", gzip.compress(line("a")), "gzip -dc FILE | shuangqian submit -"),
        ("a.zst", b"\x28\xb5\x2f\xfd\x24", "zstd -dc FILE | shuangqian submit -"),
        ("gb.ndjson", '{"title": "场景"}\n'.encode("gb18030"), "not text in UTF-8"),
        ("gb.csv", "reference,标题\n".encode("gb18030"), "shuangqian import FILE"),
        ("gb.json", '{"title": "场景"}\n'.encode("gb18030"), "not text in UTF-8"),
        ("Makefile", b"\n# Everything.\nall: run\n", "Line 2 of"),
        ("a.csv", "reference,标题\n".encode(), "shuangqian import FILE"),
        ("text.ndjson", b'"entry"\n', 'is no entry: "entry"'),
        ("number.json", b"8", "is no entry: 8"),
        ("slip.ndjson", b"{reference: 1}\n" + line("a"), "is not JSON"),
        ("list.ndjson", b"[{]", "begins like a JSON list and is none"),
        ("pretty.ndjson", pretty.encode(), "One entry a line is needed"),
        ("hugging.ndjson", hugging.encode(), "One entry a line is needed"),
    ):
        path = shell.file(file, content)
        for arguments, stdin in ((("submit", path), b""), (("submit", "-"), content)):
            if stdin and file.endswith(".json"):
                continue
            done = shell.run(*arguments, stdin=stdin)
            assert (done.returncode, done.stdout) == (2, ""), (file, done.stderr)
            assert said in done.stderr and "again" not in done.stderr, (file, done.stderr)
            assert "named .ndjson" not in done.stderr
    chinese = shell.run("submit", shell.file("Makefile", b"all: run\n"), LANG="zh_CN.UTF-8")
    assert "第 1 行不是条目：all: run。" in chinese.stderr


@pytest.mark.parametrize("more", [(), ("--validate-only",)])
def test_what_the_server_refuses_as_a_whole_is_data_too(stranger: Shell, more: tuple[str, ...]) -> None:
    shell = replace(stranger.at(stranger.port), key="sq_live_nobodysKey")
    sheet = shell.file("a.csv", b"reference,kind\n")
    for command in (("submit", shell.file("a.ndjson", line("a"))), ("import", sheet, "--kind", "product")):
        assert shell.run(*command, *more).stdout == ""
        done = shell.run(*command, *more, "--json")
        assert done.returncode == 3, done.stderr
        (said,) = map(json.loads, done.stdout.splitlines())
        assert said["problem"]["status"] == 401 and said["problem"]["title"] in done.stderr


def test_a_byte_order_mark_blank_lines_first_and_long_lines_are_as_good(shell: Shell) -> None:
    names = references(3)
    entry = json.dumps(json.loads(line(names[1])), indent=1).replace("{\n ", "{ ", 1)
    for content, name in (
        (b"\xef\xbb\xbf\n\n" + line(names[0]), names[0]),
        (b"\xef\xbb\xbf" + entry.encode(), names[1]),
        (line(names[2], interfaces=["x" * 200_000]), names[2]),
    ):
        done = shell.run("submit", shell.file("a.ndjson", content), "--json")
        assert [r["reference"] for r in receipts(done.stdout)] == [name], done.stderr


@pytest.mark.parametrize(
    ("status", "code", "again"),
    [
        (400, 2, False),
        (405, 5, False),
        (413, 2, False),
        (422, 2, False),
        (408, 5, True),
        (429, 5, True),
        (500, 5, True),
    ],
)
def test_only_what_may_pass_by_itself_is_to_be_sent_again(status: int, code: int, again: bool) -> None:
    problem = {"title": "No", "findings": [{"cell": "B1", "text": "Which?"}, {"pointer": "/entry", "text": "Why?"}]}
    failed = failure(status, json.dumps(problem).encode())
    assert (failed.code, failed.text.splitlines()[1:]) == (code, ["  B1: Which?", "  /entry: Why?"])

    async def go(_bar: object, _counts: object) -> None:
        raise failed

    with pytest.raises(Failed) as told:
        carry_out(go, KeptPlace(None), "Sending", False, False)
    assert (told.value.code, "run the same again" in told.value.text) == (code, again)


async def test_a_stream_that_the_quota_ends_says_so() -> None:
    last = {"line": 2, "status": "stopped", "problem": {"status": 429, "title": "The day’s quota is used up"}}
    stream = asyncio.StreamReader()
    stream.feed_data(line("a") + json.dumps(last).encode() + b"\n")
    stream.feed_eof()

    class Answer:
        class content:
            @staticmethod
            async def readany() -> bytes:
                return await stream.read(1_000_000)

    lines = json_lines(Answer(), lambda: True)  # type: ignore[arg-type]
    assert (await anext(lines))["reference"] == "a"
    with pytest.raises(Failed, match="quota is used up") as told:
        await anext(lines)
    assert told.value.code == 5


def test_a_line_that_drops_again_and_again_leaves_every_line_received_once(shell: Shell, api: httpx2.Client) -> None:
    names = references(1200)
    path = shell.file("entries.ndjson", b"".join(map(line, names)))
    with line_to(shell.port, ("up", 300_000), ("down", 20_000), ("up", 5), ("down", 60_000)) as way:
        done = shell.at(way.port).run("submit", path, "--json")
    assert done.returncode == 0, done.stderr
    assert way.connections == 5 and done.stderr.count("The connection broke") == 4
    assert done.stderr.count("(it was cut off)") + done.stderr.count("(the server ended the connection)") == 4
    assert [(r["line"], r["reference"], r["status"], r["event"]) for r in receipts(done.stdout)] == [
        (n, name, "received", f"{USCC}/{name}/1") for n, name in enumerate(names, start=1)
    ]
    for name in (names[0], names[600], names[-1]):
        story = api.get(f"/submissions/{USCC}/{name}").json()
        assert [step["what"] for step in story["timeline"]] == ["received"]


async def test_watching_stays_until_each_is_decided(shell: Shell, settings: Settings) -> None:
    approved, changed = references(2)
    path = shell.file("entries.ndjson", line(approved) + line(changed))
    with shell.start("submit", path, "--watch", "--json") as process:
        assert process.stdout
        told = [json.loads(process.stdout.readline()) for _ in range(4)]
        async with mongo(settings) as client:
            progress = ProgressStore(client[settings.database("submissions")])
            await progress.take(decided(approved, Decision.APPROVED))
            await progress.take(decided(changed, Decision.CHANGES_REQUESTED))
        told += [json.loads(text) for text in process.stdout]
        assert process.wait(30) == 1
    assert [(each["reference"], each["status"]) for each in told[:4]] == [
        (name, "received") for name in (approved, changed, approved, changed)
    ]
    assert {(each["reference"], each["status"]) for each in told[4:]} == {
        (approved, "approved"),
        (changed, "changes-requested"),
    }


def decided(reference: str, decision: Decision) -> list[Event]:
    """What review tells of a submission that it decides at once."""
    id = f"{USCC}/{reference}"
    entry = SubmissionLine.model_validate(submission(reference), strict=False).entry
    fact = CaseDecided(
        submission=id, partner=USCC, digest="d", entry=entry, revision=1, decision=decision, score=80, reasons=()
    )
    return [Event(f"{id}@1/1", "/review", f"{id}@1", datetime.now(UTC), 1, "x", "x", "service:test", fact)]


def test_interrupted_it_says_how_to_go_on_and_resumes_after_the_last_receipt(shell: Shell) -> None:
    names = references(3000)
    path = shell.file("entries.ndjson", b"".join(map(line, names)))
    process = shell.start("submit", path, "--json")
    assert process.stdout
    # More receipts than the pipe and the command's own buffer hold, so that it is in the midst of the file.
    text = b"".join(process.stdout.readline() for _ in range(50))
    os.kill(process.pid, signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    first = receipts((text + stdout).decode())
    assert (process.returncode, 50 <= len(first) < 3000) == (130, True)
    assert f"Up to {len(first)} everything has its receipt: run the same with --resume" in stderr.decode()
    again = shell.run("submit", path, "--json", "--resume")
    assert (again.returncode, again.stderr.splitlines()[0]) == (0, f"Going on after {len(first)}.")
    both = [(r["line"], r["reference"]) for r in (*first, *receipts(again.stdout))]
    assert both == list(enumerate(names, start=1))
    assert "nothing to go on with" in shell.run("submit", path, "--resume").stderr


@pytest.mark.parametrize("form", [("--json",), ()])
def test_a_reader_that_goes_away_ends_it_quietly_and_it_can_be_resumed(shell: Shell, form: tuple[str, ...]) -> None:
    path = shell.file("entries.ndjson", b"".join(map(line, references(1000))))
    with shell.start("submit", path, *form) as process:
        assert process.stdout and process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read() and process.wait(60) == 141
    assert "Going on after" in shell.run("submit", path, "--resume").stderr
