"""Signing in, asking where things are and why, and hearing of them, as a partner meets it on the command line."""

import io
import json
import secrets
import stat
import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest
from rich.console import Console

import shuangqian
from shuangqian import show
from shuangqian.client import broken
from tests.cli.conftest import Shell
from tests.cli.proxy import line_to
from tests.submissions.given import USCC, line
from web.languages import load, speak


def reference() -> str:
    return f"ref-{secrets.token_hex(4)}"


def submit(shell: Shell, *lines: bytes) -> None:
    assert shell.run("submit", "-", stdin=b"".join(lines)).returncode in (0, 1)


def test_a_key_that_the_server_knows_is_kept_where_only_its_owner_reads_it(shell: Shell) -> None:
    kept = shell.home / ".config" / "shuangqian" / "profiles.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600 and shell.key in kept.read_text()
    shown = shell.run("login", "--show", "--json")
    assert json.loads(shown.stdout)["default"]["partner"] == USCC and shell.key not in shown.stdout
    assert shell.run("logout").returncode == 0
    done = shell.run("status")
    assert done.returncode == 3 and "Run: shuangqian login" in done.stderr and done.stdout == ""


def test_a_key_that_it_does_not_know_is_exit_code_3_and_kept_nowhere(stranger: Shell) -> None:
    done = stranger.run("login", "--key-stdin", stdin="sq_live_000000000000_" + "0" * 64)
    assert done.returncode == 3 and "The API key is unknown" in done.stderr
    assert json.loads(stranger.run("login", "--show", "--json").stdout) == {}
    wrong = stranger.run("submit", stranger.file("a.ndjson", line("a")), SHUANGQIAN_KEY="sq_live_nonsense")
    assert wrong.returncode == 3 and wrong.stdout == ""


def test_a_server_that_is_not_there_is_exit_code_4(stranger: Shell) -> None:
    shell = stranger.at(9)
    for arguments in (("status",), ("submit", shell.file("a.ndjson", line("a"))), ("events", "tail"), ("errors",)):
        done = shell.run(*arguments)
        assert (done.returncode, done.stdout) == (4, ""), done.stderr
        assert "http://127.0.0.1:9 cannot be reached" in done.stderr


def test_a_command_line_that_is_not_right_is_exit_code_2(stranger: Shell) -> None:
    for arguments, said in (
        (("submit",), "FILE is missing. See: shuangqian submit --help"),
        (("submit", "nowhere.ndjson"), "nowhere.ndjson cannot be read"),
        (("submit", stranger.file("bad.json", b"[{]")), "is not JSON"),
        (("fly",), "There is no command fly."),
        (("status", "--fly"), "There is no option --fly."),
        (("status", "--url", "ftp://x"), "This is not an address: ftp://x"),
        (("events", "tail", "--since", "yesterday"), "This is no time: yesterday"),
        (("submit", "-", "--resume"), "cannot be resumed"),
    ):
        done = stranger.run(*arguments, SHUANGQIAN_KEY=stranger.key)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert said in done.stderr


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (httpx2.ConnectError("[Errno 111]"), "the server cannot be reached"),
        (httpx2.ReadTimeout("read"), "the server did not answer in time"),
        (httpx2.RemoteProtocolError("peer closed"), "it was cut off"),
    ],
)
def test_how_a_connection_ended_is_said_in_our_own_words(error: Exception, said: str) -> None:
    assert broken(error, httpx2.ConnectError, httpx2.TimeoutException) == said


def test_status_tells_one_or_lists_all(shell: Shell) -> None:
    name = reference()
    submit(shell, line(name), line(name, 2, maturity=5))
    one = shell.run("status", name)
    assert one.returncode == 0 and "Waits for the automatic checks" in " ".join(one.stdout.split())
    assert one.stdout.count("Received") >= 1 and one.stdout.count("Revised") == 1
    assert json.loads(shell.run("status", f"{USCC}/{name}", "--json").stdout)["revision"] == 2
    everything = shell.run("status", "--limit", "1", "--json")
    assert json.loads(everything.stdout)["items"][0]["reference"] == name
    submit(shell, line(reference()))
    short = shell.run("status", "--limit", "1")
    assert (
        len(short.stdout.splitlines()) == 1
        and short.stdout.count("\t") == 4
        and "There are more: --limit 4" in short.stderr
    )
    assert name in shell.run("status").stdout
    unknown = shell.run("status", reference())
    assert unknown.returncode == 2 and "There is no such submission" in unknown.stderr


@pytest.mark.parametrize(
    ("expected", "en", "zh"),
    [
        (
            ("decision", "2026-11-30", "2026-12-01", "2026-12-04"),
            "Decision expected  likely 1 December 2026, between 30 November 2026 and 4 December 2026",
            "预计作出决定  最可能在 2026年12月1日，2026年11月30日 至 2026年12月4日 之间",
        ),
        (("decision", *["2026-11-30"] * 3), "Decision expected  30 November 2026", "预计作出决定  2026年11月30日"),
        (("release", *["2026-11-30"] * 3), "Release expected  November 2026", "预计发布  2026年11月"),
    ],
)
def test_when_something_is_expected_is_said_in_words(expected: tuple[str, ...], en: str, zh: str) -> None:
    what, *days = expected
    moments = dict(zip(("from", "likely", "to"), (f"{day}T04:51:07.5+08:00" for day in days), strict=True))
    item: dict[str, Any] = dict.fromkeys(("title", "reference", "kind", "revision", "release", "decision"))
    item |= {
        "stream": f"{USCC}/a",
        "status": "in-review",
        "waits_for": "",
        "timeline": [],
        "expected": {"what": what, **moments},
    }
    for language, said in (("en", en), ("zh", zh)):
        text = io.StringIO()
        with speak(language, load(Path(shuangqian.__file__).parent / "locale")):
            show.detail(Console(file=text, width=200), item)
        assert said in text.getvalue()


def test_what_waits_longer_than_most_is_told_so() -> None:
    names = ("title", "reference", "kind", "revision", "release", "decision", "expected")
    item: dict[str, Any] = dict.fromkeys(names) | {"late": True, "timeline": [], "waits_for": ""}
    item |= {"stream": f"{USCC}/a", "status": "in-review"}
    for language, said in (("en", "It has waited longer than most before it"), ("zh", "等候时间已长于此前的大多数")):
        text = io.StringIO()
        with speak(language, load(Path(shuangqian.__file__).parent / "locale")):
            show.detail(Console(file=text, width=200), item)
        assert said in text.getvalue()


def test_errors_tells_what_is_refused_until_it_is_mended(shell: Shell) -> None:
    name = reference()
    submit(shell, line(name, maturity=0))
    refused = shell.run("errors", name)
    assert refused.returncode == 1
    for part in (name, "/entry/maturity", "Out of range: expected ≥ 1", "range", "Found: 0"):
        assert part in refused.stdout
    assert [each["reference"] for each in json.loads(shell.run("errors", name, "--json").stdout)] == [name]
    submit(shell, line(name))
    assert shell.run("errors", name).returncode == 0
    assert name not in shell.run("errors").stdout and name in shell.run("errors", "--mended").stdout
    # The old file once more, after its revision was mended and taken in.
    submit(shell, line(name, 2, maturity=7))
    submit(shell, line(name, 2, maturity=0))
    settled = shell.run("errors", name)
    assert settled.returncode == 0 and settled.stdout.count("mended since") == 2


def test_facts_are_shown_once_each_though_the_line_drops(shell: Shell) -> None:
    names = [reference() for _ in range(6)]
    heard: list[dict[str, Any]] = []
    with line_to(shell.port, ("down", 12_000)) as way:
        with shell.at(way.port).start("events", "tail", "--limit", "6", "--json", "--since", "1s") as process:
            assert process.stdout

            def hear() -> None:
                assert process.stdout
                heard.extend(json.loads(text) for text in process.stdout)

            hearing = threading.Thread(target=hear)
            hearing.start()
            for name in names:
                submit(shell, line(name))
            hearing.join(60)
            assert process.wait(30) == 0
    own = [event["subject"].partition("/")[2] for event in heard]
    assert len(set(own)) == len(own) == 6 and way.connections >= 2


def test_the_past_is_told_a_line_a_fact(shell: Shell) -> None:
    name = reference()
    submit(shell, line(name, maturity=0), line(name))
    done = shell.run("events", "tail", "--since", "1h", "--limit", "2")
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 2


def test_chinese_is_spoken_to_a_chinese_terminal(shell: Shell, api: httpx2.Client) -> None:
    name = reference()
    shell = Shell(shell.home, shell.url, shell.key, lang="zh_CN.UTF-8", columns=60)
    done = shell.run("submit", shell.file("a.ndjson", line(name) + b"no json\n"))
    assert done.returncode == 1 and "已收到" in done.stdout and "不是有效的 JSON" in done.stdout
    assert "完成：1 已收到 · 1 已拒收" in done.stderr
    assert "等待自动检查" in shell.run("status", name).stdout
    assert "退出码：0 全部收入" in "".join(shell.run("--help").stdout.split()).replace(
        "退出码：0全部收入", "退出码：0 全部收入"
    )
    assert "没有选项 --fly" in shell.run("status", "--fly").stderr
    assert "没有这件申报。请核对编号。" in shell.run("status", "none-of-mine").stderr
