"""The command line as its users and scripts meet it: exit codes, and what goes to stdout and to stderr."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from audit.cli import moment_or_place
from audit.history import partition_of
from audit.replay import Until
from audit.servers import mongo_said
from runtime.settings import Settings
from tests.audit.conftest import World
from tests.audit.histories import event
from web.shell import Failed, spoken

ROOT = Path(__file__).parents[2]


def environment(settings: Settings | None, lang: str = "en_GB.UTF-8") -> dict[str, str]:
    """What the program is told by its environment."""
    path = os.pathsep.join(str(ROOT / folder) for folder in ("libs", "services", "."))
    told = {"PATH": os.environ["PATH"], "PYTHONPATH": path, "LANG": lang, "PYTHONUTF8": "1", "COLUMNS": "120"}
    for name in ("kafka_bootstrap", "mongo_url", "database_prefix", "topic_prefix"):
        if settings:
            told[f"SHUANGQIAN_{name.upper()}"] = str(getattr(settings, name))
    return told


def shuangqian(
    *arguments: str, settings: Settings | None = None, lang: str = "en_GB.UTF-8", module: str = "tests.audit.command"
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=environment(settings, lang),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_equal_is_said_on_stdout_with_exit_code_0(lived: World) -> None:
    done = shuangqian("audit", "replay", settings=lived.settings)
    assert done.returncode == 0
    assert all(" a second (" in line for line in done.stderr.splitlines())  # progress, where it takes a while
    assert done.stdout.startswith("✓ Equal. Replaying history gives the live state")
    assert "60 events" in done.stdout


def test_different_names_stream_field_and_values_with_exit_code_1(lived: World) -> None:
    lived.database["partners"].update_one({"_id": "s4"}, {"$set": {"state.keys.1": "hand"}})
    done = shuangqian("audit", "replay", "--lang", "zh", settings=lived.settings)
    assert done.returncode == 1
    assert "不一致。历史与现状有 1 处不符。" in done.stdout
    for part in ("partner s4", "/keys/1", '"1"', '"hand"', "partner.key-issued.v1"):
        assert part in done.stdout
    asked = shuangqian(
        "audit", "replay", "--service", "submissions", "--stream", "s4", "--json", settings=lived.settings
    )
    verdict = json.loads(asked.stdout)
    assert (asked.returncode, verdict["equal"], verdict["streams"]) == (1, False, 1)
    assert verdict["differences"][0]["pointer"] == "/keys/1"


def test_a_stream_that_nobody_knows_is_not_equal(lived: World) -> None:
    done = shuangqian("audit", "replay", "--stream", "nope", settings=lived.settings)
    said = "? Nothing to compare. Neither history nor database of any service has the stream nope. Names are exact: "
    assert (done.returncode, done.stdout.partition("\n")[0]) == (2, said)
    other = shuangqian(
        "audit", "replay", "--service", "review", "--stream", "nope", "--lang", "zh", settings=lived.settings
    )
    assert other.returncode == 2 and other.stdout.startswith(
        "? 无可比对。该服务（评审）的历史和数据库中都没有流 nope。"
    )
    cut = shuangqian("audit", "replay", "--stream", "s3", "--until", "2020-01-01", "--json", settings=lived.settings)
    verdict = json.loads(cut.stdout)
    assert (cut.returncode, verdict["equal"], verdict["streams"], verdict["differing"]) == (2, False, 0, 0)


def test_a_verdict_says_which_servers_it_read_and_not_who_may_come_in(lived: World) -> None:
    hosts = lived.settings.mongo_url.removeprefix("mongodb://").partition("/")[0]
    kafka = f"{lived.settings.kafka_bootstrap}/{lived.settings.topic_prefix}*"
    mongo = f"{hosts}/{lived.settings.database_prefix}*"
    done = shuangqian("audit", "replay", "--stream", "s3", settings=lived.settings)
    assert f"  Read from Kafka at {kafka} and MongoDB at {mongo}\n" in done.stdout
    told = json.loads(shuangqian("audit", "replay", "--json", settings=lived.settings).stdout)
    assert (told["kafka"], told["mongo"]) == (kafka, mongo)
    alone = json.loads(shuangqian("audit", "replay", "--against", "nothing", "--json", settings=lived.settings).stdout)
    assert (alone["kafka"], alone["mongo"]) == (kafka, None)


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("mongodb://127.0.0.1:27117/?replicaSet=rs0", "127.0.0.1:27117"),
        ("mongodb://auditor:secret@one:27017,two:27017/admin?tls=true", "one:27017,two:27017"),
        (
            "mongodb+srv://auditor:sec%2Fret@city.example.org/?tlsCertificateKeyFilePassword=secret",
            "city.example.org",
        ),
        ("mongodb://one:1/db?appName=li@city", "one:1"),
        ("mongodb://one/db?appName=a/b@c&anything=secret", "one:27017"),
        ("mongodb://auditor:sec%3Fret@[::1]:5/", "[::1]:5"),
        # of what MongoDB's driver refuses nothing is said: who could tell where a password ends
        ("mongodb://auditor:sec?ret@one:27017/", "?"),
        ("mongodb://auditor:sec/ret@one:27017/", "?"),
        ("mongodb://auditor:sec@ret@one:secret/", "?"),
        ("secret", "?"),
    ],
)
def test_where_mongodb_is_is_said_without_who_may_come_in(url: str, hosts: str) -> None:
    said = mongo_said(Settings(mongo_url=url, database_prefix="city_"))
    assert said == f"{hosts}/city_*"


def test_kafka_or_mongo_away_is_one_line_with_the_next_step_and_exit_code_2(lived: World) -> None:
    away = lived.settings.model_copy(update={"kafka_bootstrap": "127.0.0.1:9"})
    done = shuangqian("audit", "replay", settings=away)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "Kafka does not answer at 127.0.0.1:9. Start it (make run), or set SHUANGQIAN_KAFKA_BOOTSTRAP.\n"
    )
    away = lived.settings.model_copy(update={"mongo_url": "mongodb://auditor:secret@127.0.0.1:9/"})
    done = shuangqian("audit", "replay", settings=away)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "127.0.0.1:9" in done.stderr and "SHUANGQIAN_MONGO_URL" in done.stderr and "secret" not in done.stderr


def test_a_service_that_does_not_exist_is_refused() -> None:
    done = shuangqian("audit", "replay", "--service", "archive")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "There is no service archive. There are: submissions, review.\n"


def test_a_saved_verdict_is_among_the_runs(lived: World) -> None:
    assert shuangqian("audit", "replay", "--save", settings=lived.settings).returncode == 0
    (run,) = lived.client[lived.settings.database("audit")]["runs"].find()
    assert (run["status"], run["verdict"]["equal"], run["verdict"]["events"]) == ("done", True, 60)


def test_a_stream_is_told_from_its_first_event(lived: World) -> None:
    done = shuangqian("audit", "stream", "s3", settings=lived.settings)
    assert done.returncode == 0
    assert done.stdout.count("Key issued") == 6 and "user:test" in done.stdout
    assert f"Read from Kafka at {lived.settings.kafka_bootstrap}" in done.stdout
    told = json.loads(
        shuangqian("audit", "stream", "s3", "--json", "--service", "review", settings=lived.settings).stdout
    )
    assert [each["event"]["id"] for each in told] == ["s3/1", "s3/2", "s3/3"]
    unknown = shuangqian("audit", "stream", "nobody", settings=lived.settings)
    assert unknown.returncode == 1 and "No history knows a stream of this name" in unknown.stdout


def test_what_puts_a_difference_right_is_named(lived: World) -> None:
    lived.client[lived.settings.database("review")]["copies"].delete_one({"_id": "s4"})
    lived.send(("begun-late", orjson.dumps(event("begun-late", 3))))
    said = shuangqian("audit", "replay", settings=lived.settings).stdout
    gone, late = said.partition("2. ")[::2]
    assert "What puts it right: python -m review replay (docs/how-to/rebuild.md)" in gone and "s4" in gone
    assert "History lacks the events 1 to 2. The stream is not live either." in late and "python -m" not in late
    lost = shuangqian("audit", "replay", "--lang", "zh", settings=lived.settings).stdout
    assert "修复命令：" in lost and "历史缺少事件 1 至 2。该流在现有数据中也不存在。" in lost


def test_where_a_history_was_cut_is_said_in_words(lived: World) -> None:
    offset = shuangqian("audit", "replay", "--until", "1", settings=lived.settings)
    assert "  Up to offset 1 of each partition. " in offset.stdout
    day = shuangqian("audit", "replay", "--until", "2026-11-30", settings=lived.settings)
    assert "  Up to 30 Nov 2026, 23:59 (2026-11-30T15:59:59.999Z). " in day.stdout


def test_help_is_in_the_language_of_the_environment() -> None:
    help = shuangqian("audit", "replay", "--help", lang="zh_CN.UTF-8")
    assert (
        help.returncode == 0
        and "退出码：0 一致，1 不一致，2 未能完成或无可比对，3 一致，但另有值得注意之处。" in help.stdout
    )


def test_the_real_command_knows_every_service() -> None:
    done = shuangqian("audit", "replay", "--service", "archive", module="shuangqian")
    assert "submissions, review, publishing, notifications" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "language"),
    [
        (["audit", "--lang", "zh"], "en_GB.UTF-8", "zh"),
        (["--lang=en"], "zh_CN.UTF-8", "en"),
        ([], "zh_CN.UTF-8", "zh"),
        ([], "C", "en"),
    ],
)
def test_the_language_is_the_one_asked_for_or_the_environments(
    arguments: list[str], environment: str, language: str
) -> None:
    assert spoken(arguments, environment) == language


def test_where_a_history_is_cut_is_a_moment_an_offset_or_the_place_of_an_event(lived: World) -> None:
    at = datetime(2026, 11, 1, 8, 0, 0, 123000, tzinfo=UTC)  # when the tests' domain decides everything
    place = f"{lived.topic}:{partition_of('s3', 3)}:0"
    assert moment_or_place(lived.settings, "17") == Until(offset=17)
    assert moment_or_place(lived.settings, place) == Until(time=at)
    assert moment_or_place(lived.settings, "2026-11-01T08:00:00.123Z") == Until(time=at)
    # As `as-of` reads them: by the city's clocks, and a day is its end.
    assert moment_or_place(lived.settings, "2026-11-01T16:00:00.123") == Until(time=at)
    day = Until(time=datetime(2026, 11, 1, 15, 59, 59, 999000, tzinfo=UTC))
    assert moment_or_place(lived.settings, "2026-11-01") == day
    for wrong in ("yesterday", f"{lived.topic}:0:999999", "nothing.events:0:0"):
        with pytest.raises(Failed, match="is neither a moment"):
            moment_or_place(lived.settings, wrong)
