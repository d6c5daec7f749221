"""Shadow replay: changed domain code beside the code that runs, on a month of whole lives on real Kafka."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from audit.deciders import DECIDERS
from audit.shadow import NotShadowed, Shadow, shadow
from runtime.settings import Settings
from tests.audit.conftest import World
from tests.audit.test_cli import ROOT, shuangqian
from tests.bench.ground import messages, publish
from tests.bench.lives import lives

CASE = "services/review/domain/case.py"


@pytest.fixture
def month(world: World) -> Settings:
    """A month of entries on Kafka; MongoDB holds nothing, and is not needed."""
    for streams in lives(1).all:
        publish(world.settings, streams.decider.topic, messages(streams.documents()))
    return world.settings


def changed(folder: Path, file: str, change: Callable[[str], str]) -> Path:
    """A folder that holds the domain of `file` alone, with that file changed."""
    domain = Path(file).parent
    shutil.copytree(ROOT / domain, folder / domain, ignore=shutil.ignore_patterns("__pycache__"))
    text = (ROOT / file).read_text()
    assert change(text) != text
    (folder / file).write_text(change(text))
    return folder


def tried(month: Settings, path: Path) -> Shadow:
    return shadow(month, DECIDERS, path)


def test_where_there_is_no_stream_nothing_is_said_to_be_the_same(world: World) -> None:
    done = shuangqian("audit", "shadow", "--with", str(ROOT), settings=world.settings, module="shuangqian")
    assert done.returncode == 2 and done.stdout.startswith("? The histories hold no stream"), done.stdout
    assert "the same states" not in done.stdout and world.settings.topic_prefix in done.stdout


def test_unchanged_code_changes_nothing(month: Settings) -> None:
    found = tried(month, ROOT)
    assert (found.differing, found.streams, found.events) == (0, 301, 1203)
    assert found.domains == ["submissions", "review", "publishing", "notifications"] and found.schemas


def test_a_fold_that_is_changed_names_each_stream_its_first_event_and_the_field(
    month: Settings, tmp_path: Path
) -> None:
    path = changed(tmp_path, CASE, lambda text: text.replace('"score": fact.score,', '"score": (fact.score or 0) + 1,'))
    found = tried(month, path)
    assert (found.domains, found.schemas, found.differing) == (["review"], False, 100)
    assert dict(found.fields) == {("case.decided.v1", "/score"): 100}
    first = found.changed[0]
    assert (first.service, first.noun, first.sequence, first.type, first.pointer) == (
        "review",
        "case",
        7,
        "case.decided.v1",
        "/score",
    )
    assert (first.now, first.then) == ("80", "81")


def test_a_state_that_is_other_only_on_the_way_is_found(month: Settings, tmp_path: Path) -> None:
    """The lease is gone when the review is given, so the last states are equal; a decision in between is not."""
    path = changed(tmp_path, CASE, lambda text: text.replace("until=fact.until, since=fact.since", "until=fact.until"))
    assert dict(tried(month, path).fields) == {("case.claimed.v1", "/lease/since"): 100}


def test_code_that_no_longer_folds_its_history_is_named_with_its_error(month: Settings, tmp_path: Path) -> None:
    path = changed(tmp_path, CASE, lambda text: text.replace("case CaseChecked():", "case CaseChecked() if 1 / 0:"))
    found = tried(month, path)
    assert dict(found.fields) == {("case.checked.v1", ""): 100}
    assert "ZeroDivisionError" in (found.changed[0].then or "") and found.changed[0].now is None


def test_a_path_without_a_domain_or_with_one_that_cannot_be_loaded_is_refused(month: Settings, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotShadowed, match=r"^$"):
        tried(month, tmp_path / "empty")
    with pytest.raises(NotShadowed, match="SyntaxError"):
        tried(month, changed(tmp_path / "broken", CASE, lambda text: "def (" + text))


def test_a_folder_above_the_checkout_holds_no_domain(month: Settings) -> None:
    """Everything that runs lies below it, and nothing of it is changed code."""
    with pytest.raises(NotShadowed, match=r"^$"):
        tried(month, ROOT.parent)


def test_code_that_is_talkative_is_heard_to_its_end(month: Settings, tmp_path: Path) -> None:
    """What it prints is no answer, and more of it than a pipe holds stops nothing."""
    talk = """import os, sys
print("loaded")
def evolve(state, fact):
    print("folding"); os.write(1, b"folded\\n"); sys.stderr.write("x" * 2000)
    return quiet(state, fact)
def quiet("""
    path = changed(tmp_path, CASE, lambda text: text.replace("def evolve(", talk))
    assert tried(month, path).differing == 0


def test_last_words_in_many_pieces_are_kept_whole(month: Settings, tmp_path: Path) -> None:
    """Python writes a traceback piece by piece, and how many arrive at once is chance."""
    talk = """import os, time
for piece in (b"this ", b"is ", b"not ", b"to be"):
    os.write(2, piece)
    time.sleep(0.1)
os._exit(1)
"""
    with pytest.raises(NotShadowed, match=r"^this is not to be$"):
        tried(month, changed(tmp_path, CASE, lambda text: talk + text))


def test_code_that_ends_its_process_is_named_with_the_exit_code(month: Settings, tmp_path: Path) -> None:
    path = changed(tmp_path, CASE, lambda text: text.replace("case CaseChecked():", "case CaseChecked() if exit(7):"))
    with pytest.raises(NotShadowed, match=r"^exit code 7$"):
        tried(month, path)


def test_a_folder_that_is_not_there_is_said_to_be_missing() -> None:
    done = shuangqian("audit", "shadow", "--with", "/nope", module="shuangqian")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "There is no folder /nope.\n")


def test_the_command_says_it_in_words_and_in_json(month: Settings, tmp_path: Path) -> None:
    path = changed(tmp_path, CASE, lambda text: text.replace('"score": fact.score,', '"score": None,'))
    arguments = ("audit", "shadow", "--with", str(path), "--service", "review")
    done = shuangqian(*arguments, settings=month, module="shuangqian")
    assert done.returncode == 1 and done.stdout.startswith("✗ 100 of 100 streams would be in another state.")
    assert "/score" in done.stdout and "case.decided.v1" in done.stdout
    as_json = shuangqian(*arguments, "--json", "--lang", "zh", settings=month, module="shuangqian")
    assert json.loads(as_json.stdout)["fields"] == [{"type": "case.decided.v1", "pointer": "/score", "streams": 100}]
    (tmp_path / "empty").mkdir()
    nothing = shuangqian(
        "audit", "shadow", "--with", str(tmp_path / "empty"), settings=month, lang="zh_CN.UTF-8", module="shuangqian"
    )
    assert (nothing.returncode, nothing.stdout) == (2, "") and "services/<service>/domain" in nothing.stderr
