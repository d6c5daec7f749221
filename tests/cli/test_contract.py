"""What the client does with sheets, validation and fixes, against a server that keeps to their contract."""

import hashlib
import json
from pathlib import Path

from tests.cli.conftest import Shell
from tests.cli.contract import REMOVE, REPLACE, contract
from tests.cli.proxy import line_to
from tests.submissions.given import line, submission


def sheet(rows: int, *, bad: tuple[int, ...] = ()) -> bytes:
    return b"reference,title\n" + b"".join(
        f"s-{n},{'' if n in bad else 'A title'}\n".encode() for n in range(2, rows + 2)
    )


def test_a_sheet_gets_a_receipt_a_row_though_the_line_drops(stranger: Shell) -> None:
    path = stranger.file("entries.csv", sheet(2000))
    with contract() as server, line_to(server.port, ("down", 50_000), ("up", 200), ("down", 9_000)) as way:
        done = stranger.at(way.port).run("import", path, "--kind", "product", "--json")
        assert done.returncode == 0, done.stderr
        assert [json.loads(text)["row"] for text in done.stdout.splitlines()] == list(range(2, 2002))
        assert server.after[0] == 0 and sorted(server.after) == server.after and len(set(server.after)) == 3


def test_refused_rows_name_their_cells_and_the_marked_sheet_is_written(stranger: Shell) -> None:
    path, marked = stranger.file("entries.csv", sheet(3, bad=(3,))), stranger.home / "marked.csv"
    with contract() as server:
        done = stranger.at(server.port).run("import", path, "--kind", "product", "--marked", str(marked))
        assert (done.returncode, server.taken) == (1, {2: 1, 3: 1, 4: 1})
    assert "B3" in done.stdout and "2 received · 1 refused" in done.stderr
    assert marked.read_text() == "s-2,\ns-3,title: required\ns-4,\n"


def test_validating_only_takes_nothing_in(stranger: Shell) -> None:
    path = stranger.file("entries.csv", sheet(3))
    with contract() as server:
        done = stranger.at(server.port).run("import", path, "--kind", "scene", "--validate-only")
        assert (done.returncode, server.taken) == (0, {})
        assert "Checked, nothing was taken in: 3 received" in done.stderr
        # This server has no stream that validates: entries would be taken in.
        refused = stranger.at(server.port).run("submit", stranger.file("a.ndjson", line("a")), "--validate-only")
    assert (refused.returncode, refused.stdout) == (5, "") and "Nothing was sent" in refused.stderr


def test_what_is_no_sheet_or_lacks_its_kind_is_exit_code_2(stranger: Shell) -> None:
    for arguments in (("import", "entries.json"), ("import", stranger.file("entries.csv", sheet(1)))):
        assert stranger.at(9).run(*arguments).returncode == 2


def test_fixes_are_applied_to_the_file_and_what_has_none_is_left(stranger: Shell) -> None:
    bad = json.dumps(submission("a", maturity=0, colour="blue")).encode()
    content = line("b") + bad + b"\n{no json\n"
    findings = [
        {"rule": "range", "pointer": "/entry/maturity", "found": "0", "text": "Out of range.", "fix": REPLACE},
        {"rule": "unknown-field", "pointer": "/entry/colour", "found": "colour", "text": "Unknown.", "fix": REMOVE},
        {"rule": "length", "pointer": "/entry/title/zh", "found": "x", "text": "Too short.", "fix": None},
    ]
    refused = {"stream": "x/a", "reference": "a", "revision": 1, "time": "2026-03-05T06:05:00.000Z", "mended": False}
    with contract() as server:
        digest = hashlib.sha256(bad).hexdigest()
        server.refusals = [{**refused, "event": "x/a/1", "digest": digest, "findings": findings}]
        shell = stranger.at(server.port)
        path = shell.file("entries.ndjson", content)
        told = shell.run("errors")
        done = shell.run("errors", "--fix", "--file", path)
    assert told.returncode == 1 and "Fix: replace /entry/maturity: 1" in told.stdout
    assert done.returncode == 1 and "/entry/title/zh" in done.stdout and "/entry/maturity" not in done.stdout
    first, mended, last = Path(path).with_name("entries.mended.ndjson").read_bytes().splitlines()
    assert (first + b"\n", last) == (line("b"), b"{no json")
    assert json.loads(mended) == submission("a", maturity=1)
    assert Path(path).read_bytes() == content
