"""`shuangqian audit as-of`, as its users and scripts meet it."""

import json

from tests.audit.conftest import World
from tests.audit.test_cli import shuangqian
from tests.audit.test_time_pages import record


def test_as_of_tells_a_stream_at_a_moment_and_in_what_it_differs_from_another(lived: World) -> None:
    record(lived, 60)
    ask = ("audit", "as-of", "s3", "--service", "review")
    told = shuangqian(*ask, "--at", "2", settings=lived.settings)
    assert (told.returncode, told.stderr) == (0, "")
    assert "event 2 of 3: Key issued" in told.stdout and "/keys/1" in told.stdout and "/keys/2" not in told.stdout
    beside = shuangqian(*ask, "--at", "3", "--with", "1", "--lang", "zh", settings=lived.settings)
    assert beside.returncode == 0 and "/keys/2" in beside.stdout and "/keys/0" not in beside.stdout
    assert "第 1 个事件，共 3 个" in beside.stdout
    said = json.loads(shuangqian(*ask, "--at", "2026-11-01", "--json", settings=lived.settings).stdout)
    assert (said["now"]["state"], said["now"]["number"]) == ({"keys": ["0", "1", "2"]}, 3)
    assert said["mongo"].endswith(f"/{lived.settings.database_prefix}*")
    assert f"Read from MongoDB at {said['mongo']}\n" in told.stdout

    before = shuangqian(*ask, "--at", "2020-01-01", settings=lived.settings)
    assert before.returncode == 1 and "before the first of its 3 events" in before.stdout
    empty = shuangqian("audit", "as-of", "--catalogue", settings=lived.settings)
    assert empty.returncode == 1 and "Nothing." in empty.stdout
    for wrong, line in (
        (("s3",), "Several services have a stream of this name: review, submissions. Name one with --service.\n"),
        (("s3", "--release", "2026-11"), "Give one: a stream, --release YYYY-MM, or --catalogue.\n"),
        (("s3", "--at", "soon"), "“soon” is no moment."),
        (("--release", "2026-13"), "“2026-13” is no month. Write it as 2026-11.\n"),
        (("nobody",), "No stream nobody is recorded."),
    ):
        done = shuangqian("audit", "as-of", *wrong, settings=lived.settings)
        assert done.returncode == (1 if wrong == ("nobody",) else 2) and done.stdout == ""
        assert done.stderr.startswith(line), done.stderr


def test_as_of_says_of_a_record_that_was_changed_that_it_is_no_history(lived: World) -> None:
    record(lived, 60)
    recorded = lived.client[lived.settings.database("audit")]["recorded"]
    one = recorded.find_one({"_id": "/review/s3/2"})
    assert one is not None
    recorded.update_one({"_id": one["_id"]}, {"$set": {"event": one["event"].replace(b"user:test", b"user:tent")}})
    told = shuangqian("audit", "as-of", "s3", "--service", "review", settings=lived.settings)
    assert f"The record of leaf {one['leaf']}, /review/s3/2, was changed" in told.stdout
    assert "`shuangqian audit log` says what was changed" in told.stdout
