"""A partner's list from its own server: new, changed, gone; dead servers beside live ones; a worker that is killed."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from time import perf_counter
from typing import Any, BinaryIO

import httpx2
import orjson
import pytest
from pymongo.asynchronous.database import AsyncDatabase

from deploy.local.table import environment
from runtime.settings import Settings
from runtime.streams import Streams
from schemas.envelope import Json
from schemas.source import SourcePaused, Terms
from submissions.domain.source import SOURCES
from submissions.intake import now
from submissions.ndjson import BATCH_LINES
from submissions.sheets.rows import letters
from submissions.sources import fetch
from submissions.sources.fetch import Limits
from submissions.sources.read import Item
from submissions.sources.take import Pull, Puller
from tests.submissions.given import OTHER, ROOT, USCC, filled, key_of, submission
from tests.submissions.sheet_files import as_csv, entry, put, table
from tests.submissions.sources.conftest import Fetching
from tests.submissions.sources.servers import Partner, entries, hanging, missing, partner, tagged, text, trickling
from tests.support import eventually

PATH = f"/sources/{USCC}/list"


def source(site: Partner, path: str = "/list", **terms: Any) -> Json:
    return {"name": path.strip("/"), "address": site.url + path, "language": "en", **terms}


async def added(client: httpx2.AsyncClient, key: dict[str, str], asked: Json) -> None:
    answer = await client.post("/sources", json=asked, headers=key)
    assert answer.status_code == 201, answer.text


class Watched:
    """The fetches of a source, one after the other, as the API tells them."""

    def __init__(self, client: httpx2.AsyncClient, key: dict[str, str], path: str = PATH) -> None:
        self.client, self.path, self.seen = client, path, 0
        self.key = key | {"Accept-Language": "en"}

    async def next(self, *, ask: bool = False) -> Json:
        """The next fetch once it has ended; asked for, where it would not come by itself."""
        if ask:
            assert (await self.client.post(f"{self.path}/fetch", headers=self.key)).status_code == 200

        async def ended() -> list[Json]:
            found = (await self.client.get(f"{self.path}/fetches", headers=self.key)).json()
            done = [fetch for fetch in found if fetch["status"] not in ("running", "interrupted")]
            return done if len(done) > self.seen else []

        done = await eventually(ended)
        self.seen += 1
        return done[len(done) - self.seen]


async def held(client: httpx2.AsyncClient, key: dict[str, str]) -> dict[str, tuple[int, str]]:
    """Every submission's revision and status."""
    items = (await client.get("/submissions", headers=key)).json()["items"]
    gone = (await client.get("/submissions?status=withdrawn", headers=key)).json()["items"]
    return {each["reference"]: (each["revision"], each["status"]) for each in (*items, *gone)}


async def test_new_changed_and_gone_entries_become_revisions_and_withdrawals(
    client: httpx2.AsyncClient, key: dict[str, str], site: Partner, fetching: Fetching
) -> None:
    site.answers["/list"] = entries(*(submission(name, maturity=5) for name in "abc"))
    await added(client, key, source(site))
    fetches = Watched(client, key)
    async with fetching():
        first = await fetches.next()
        assert (first["status"], first["counts"]) == ("taken", {"listed": 3, "received": 3, "unchanged": 0})
        site.answers["/list"] = entries(
            submission("a", maturity=5), submission("b", maturity=6), submission("d", maturity=0)
        )
        second = await fetches.next(ask=True)
    assert second["counts"] == {
        "listed": 3, "unchanged": 1, "revised": 1, "refused": 1, "gone": 1, "withdrawn": 1,
    }  # fmt: skip
    assert second["rules"] == {"range": 1} and second["findings"][0]["reference"] == "d"
    assert await held(client, key) == {
        "a": (1, "received"),
        "b": (2, "received"),
        "c": (1, "withdrawn"),
    }
    story = (await client.get(f"/submissions/{USCC}/c", headers=key)).json()
    assert story["timeline"][0]["reasons"] == ["No longer listed by the source “list”."]


async def test_what_did_not_change_is_neither_sent_nor_read_again(
    client: httpx2.AsyncClient, key: dict[str, str], site: Partner, fetching: Fetching, database: AsyncDatabase[Json]
) -> None:
    site.answers["/list"] = tagged('"1"', orjson.dumps({"data": {"items": [submission("a")]}}))
    await added(client, key, source(site, pointer="/data/items", token="s3cret"))
    fetches = Watched(client, key)
    async with fetching():
        assert (await fetches.next())["counts"]["received"] == 1
        await database["schedules"].update_one({}, {"$set": {"due": now()}})
        assert (await fetches.next())["status"] == "unchanged"
        # Asked for by hand, it is read whether or not it changed.
        assert (await fetches.next(ask=True))["counts"]["unchanged"] == 1
    assert [headers.get("if-none-match") for _, headers in site.asked] == [None, '"1"', None]
    assert {headers["authorization"] for _, headers in site.asked} == {"Bearer s3cret"}


async def test_unchanged_after_a_failure_is_told_without_its_error_and_with_what_was_listed_last(
    client: httpx2.AsyncClient, key: dict[str, str], site: Partner, fetching: Fetching, database: AsyncDatabase[Json]
) -> None:
    well = site.answers["/list"] = tagged('"1"', orjson.dumps([submission("a")]))
    await added(client, key, source(site))
    fetches = Watched(client, key)
    async with fetching():
        taken = await fetches.next()
        for answer, status, failed in ((missing, "failed", True), (well, "unchanged", False)):
            site.answers["/list"] = answer
            await database["schedules"].update_one({}, {"$set": {"due": now(), "slow": False}})
            assert (await fetches.next())["status"] == status

            async def told(status: str = status) -> Json | None:
                last: Json = (await client.get(PATH, headers=key)).json()["last"]
                return last if last["status"] == status else None

            last = await eventually(told)
            assert last is not None and (bool(last["error"]), last["counts"]) == (failed, taken["counts"])


async def test_of_one_partners_lists_one_is_read_at_a_time_and_none_is_slow_for_waiting(
    client: httpx2.AsyncClient, settings: Settings, site: Partner, database: AsyncDatabase[Json]
) -> None:
    site.answers["/list"] = entries()
    terms = Terms(address=f"{site.url}/list", format="json", content="entries", every_minutes=60, language="en")
    puller, go_on, reading = Puller(database, settings), threading.Event(), list[str]()

    def read(body: BinaryIO, terms: Terms) -> list[Item]:
        reading.append(terms.language)
        go_on.wait(30)
        return []

    puller._read = read  # type: ignore[method-assign]
    theirs = [Pull(f"{USCC}/source:{name}", terms) for name in ("one", "two", "three")]
    other = Pull(f"{OTHER}/source:one", terms.model_copy(update={"language": "zh"}))
    async with fetch.client() as http:
        began = perf_counter()
        pulls = [asyncio.create_task(puller.pull(http, pull)) for pull in (*theirs, other)]

        async def both() -> bool:
            return len(reading) == 2

        await eventually(both)
        await asyncio.sleep(1)
        assert sorted(reading) == ["en", "zh"]
        waited_s = perf_counter() - began
        go_on.set()
        results = await asyncio.gather(*pulls)
    assert max(each.fetched_s for each in results) < waited_s, "nobody's wait for another counts"


async def test_a_list_with_revisions_of_the_partners_own_withdraws_nothing(
    client: httpx2.AsyncClient, key: dict[str, str], site: Partner, fetching: Fetching
) -> None:
    lines = [submission("a", 1), submission("b", 4)]
    site.answers["/list"] = text(b"\n".join(map(orjson.dumps, lines)))
    await added(client, key, source(site, format="ndjson", content="lines"))
    fetches = Watched(client, key)
    async with fetching():
        assert (await fetches.next())["counts"] == {"listed": 2, "received": 2}
        site.answers["/list"] = text(orjson.dumps(submission("b", 5, maturity=3)) + b"\nno json\n")
        assert (await fetches.next(ask=True))["counts"] == {"listed": 2, "revised": 1, "refused": 1}
    assert await held(client, key) == {"a": (1, "received"), "b": (5, "received")}


async def test_a_csv_of_paths_is_a_list_of_entries(
    client: httpx2.AsyncClient, key: dict[str, str], site: Partner, fetching: Fetching
) -> None:
    header = "reference,kind,title.zh,summary.zh,owner.name.zh,owner.uscc,district,industry,capabilities.1.zh,"
    header += "distinction.zh,maturity,figures.1.name.zh,figures.1.value,figures.1.unit\n"
    row = f"{{}},product,隧道巡检机器人,在无照明的隧道内自主巡检裂缝。,蓉衡轨道,{USCC},jinniu,new-manufacturing,"
    row += "裂缝识别,两小时完成一个区间的巡检。,8,最小裂缝,0.2,mm\n"
    site.answers["/list"] = text((header + row.format("a") + row.format("b")).encode("gb18030"))
    await added(client, key, source(site, format="csv"))
    async with fetching():
        fetch = await Watched(client, key).next()
    assert (fetch["counts"], fetch["findings"]) == ({"listed": 2, "received": 2, "unchanged": 0}, [])
    entry = (await client.get(f"/submissions/{USCC}/a", headers=key)).json()["entry"]
    assert (entry["title"]["zh"], entry["maturity"], entry["figures"][0]["value"]) == ("隧道巡检机器人", 8, 0.2)


async def test_what_is_wrong_in_a_csv_is_told_by_cell_in_the_language_of_who_asks(
    client: httpx2.AsyncClient, key: dict[str, str], site: Partner, fetching: Fetching
) -> None:
    rows = [["类别", *table([entry("a")])[0], "budget_yuan"], ["产品", *table([entry("a")])[1], ""]]
    rows += [["产品", *table([entry("b", maturity=3)])[1], "5"], ["机器人", *table([entry("c")])[1], ""]]
    put(rows, "成熟度（TRL）", 3, "三")
    site.answers["/list"] = text(as_csv(rows, encoding="gb18030"))
    await added(client, key, source(site, format="csv"))
    fetches = Watched(client, key)
    async with fetching():
        fetch = await fetches.next()
        site.answers["/list"] = text(as_csv([["编号", "类别", "标题"], ["a", "产品", "x"]]))
        failed = await fetches.next(ask=True)
    chinese = (await client.get(f"{PATH}/fetches", headers=key | {"Accept-Language": "zh"})).json()
    assert fetch["counts"] == {"listed": 3, "unchanged": 0, "received": 1, "refused": 2}
    places = [(each["reference"], each["rule"], each["cell"], each["column"]) for each in fetch["findings"]]
    at = rows[0].index("成熟度（TRL）")
    assert places == [
        ("b", "type", f"{letters(at)}3", "成熟度（TRL）"),
        ("b", "unknown-field", f"{letters(len(rows[0]) - 1)}3", "budget_yuan"),
        ("c", "choice", "A4", "类别"),
    ]
    assert fetch["findings"][2]["text"] == "Not one of the choices: Scene; Product; Linkage."
    assert chinese[1]["findings"][2]["text"].startswith("不在可选值之内，应为：场景；产品；")
    assert failed["error"].startswith("Some column headings are wrong: C1: No column is called “标题”.")
    assert chinese[0]["error"].startswith("表头有误：C1：没有名为“标题”的列。") and chinese[0]["status"] == "failed"


async def test_what_is_gone_and_has_no_room_for_a_withdrawal_is_told_and_holds_up_no_other(
    client: httpx2.AsyncClient, key: dict[str, str], site: Partner, fetching: Fetching
) -> None:
    names = ("a", "b", "big", "d", "e")
    site.answers["/list"] = entries(*map(submission, names))
    await added(client, key, source(site))
    fetches = Watched(client, key)
    async with fetching():
        await fetches.next()
        await filled(client, key, "big", 2)
        site.answers["/list"] = entries(*map(submission, "ade"))
        fetch = await fetches.next(ask=True)
    assert (fetch["status"], fetch["counts"]["gone"], fetch["counts"]["withdrawn"]) == ("taken", 2, 1)
    assert fetch["notes"] == ["1 entry is gone from the list, but its history has no room for its withdrawal."]
    statuses = {name: status for name, (_, status) in (await held(client, key)).items()}
    assert statuses == {"a": "received", "b": "withdrawn", "big": "received", "d": "received", "e": "received"}


async def test_what_was_refused_or_is_withdrawn_already_is_not_there_to_be_gone(
    client: httpx2.AsyncClient, key: dict[str, str], site: Partner, fetching: Fetching
) -> None:
    def listing(names: str) -> Any:
        return entries(*map(submission, names), submission("never", maturity=0))

    site.answers["/list"] = listing("abc")
    await added(client, key, source(site))
    fetches = Watched(client, key)
    async with fetching():
        assert (await fetches.next())["counts"]["refused"] == 1
        site.answers["/list"] = listing("bc")
        assert (await fetches.next(ask=True))["counts"]["withdrawn"] == 1
        site.answers["/list"] = listing("abc")
        assert (await fetches.next(ask=True))["rules"] == {"submission.withdrawn": 1, "range": 1}
        site.answers["/list"] = entries(submission("c"))
        fetch = await fetches.next(ask=True)
        assert (fetch["status"], fetch["counts"]) == ("taken", {"listed": 1, "unchanged": 1, "gone": 1, "withdrawn": 1})
        # Of what stands, all would be gone: that waits, whatever else was listed and refused.
        site.answers["/list"] = listing("")
        fetch = await fetches.next(ask=True)
        assert (fetch["status"], fetch["counts"]["gone"]) == ("held", 1)
        assert (await client.get(PATH, headers=key)).json()["held"]["references"] == ["c"]


async def test_more_than_half_gone_at_once_waits_until_the_partner_confirms(
    client: httpx2.AsyncClient, key: dict[str, str], site: Partner, fetching: Fetching
) -> None:
    site.answers["/list"] = entries(*map(submission, "abc"))
    await added(client, key, source(site))
    fetches = Watched(client, key)
    async with fetching():
        await fetches.next()
        assert (await client.post(f"{PATH}/confirm", headers=key)).status_code == 409
        site.answers["/list"] = entries(submission("a"), submission("n"))
        fetch = await fetches.next(ask=True)
        assert (fetch["status"], fetch["counts"]["received"]) == ("held", 1)
        shown = (await client.get(PATH, headers=key)).json()
        assert (shown["standing"], shown["held"]["references"]) == ("held", ["b", "c"])
        assert {status for _, status in (await held(client, key)).values()} == {"received"}
        assert (await client.post(f"{PATH}/confirm", headers=key)).status_code == 200
        assert (await fetches.next())["counts"]["withdrawn"] == 2
        assert (await client.get(PATH, headers=key)).json()["standing"] == "working"
    statuses = {name: status for name, (_, status) in (await held(client, key)).items()}
    assert statuses == {"a": "received", "n": "received", "b": "withdrawn", "c": "withdrawn"}


async def test_a_list_that_comes_back_whole_needs_no_confirmation(
    client: httpx2.AsyncClient, key: dict[str, str], site: Partner, fetching: Fetching
) -> None:
    site.answers["/list"] = entries(*map(submission, "abc"))
    await added(client, key, source(site))
    fetches = Watched(client, key)
    async with fetching():
        await fetches.next()
        site.answers["/list"] = entries()
        assert (await fetches.next(ask=True))["status"] == "held"
        site.answers["/list"] = entries(*map(submission, "abc"))
        assert (await fetches.next(ask=True))["counts"] == {"listed": 3, "unchanged": 3}
        assert (await client.get(PATH, headers=key)).json()["held"] is None


async def test_an_entry_that_moves_between_two_sources_is_not_withdrawn(
    client: httpx2.AsyncClient, key: dict[str, str], site: Partner, fetching: Fetching
) -> None:
    site.answers["/list"] = entries(submission("a"), submission("b"))
    await added(client, key, source(site))
    one = Watched(client, key)
    async with fetching():
        await one.next()
        site.answers["/two"] = entries(submission("b", maturity=3))
        await added(client, key, source(site, "/two"))
        two = Watched(client, key, f"/sources/{USCC}/two")
        assert (await two.next())["notes"] == ["1 entry is listed by another of your sources, and is left to it."]
        site.answers["/list"] = entries(submission("a"))
        assert (await one.next(ask=True))["counts"]["gone"] == 1
        assert (await two.next(ask=True))["counts"]["revised"] == 1
    assert await held(client, key) == {"a": (1, "received"), "b": (2, "received")}


@pytest.mark.parametrize("dead", [hanging, trickling])
async def test_a_dead_source_delays_no_other(
    client: httpx2.AsyncClient, settings: Settings, site: Partner, fetching: Fetching, dead: Any
) -> None:
    """Asserted by order: while the dead one's only fetch is under way, the live ones are fetched again and again."""
    key, other = await key_of(client, settings), await key_of(client, settings, OTHER)
    site.answers = {"/dead": dead, "/list": entries(submission("a"))}
    with partner() as elsewhere:
        elsewhere.answers["/list"] = entries(submission("b", uscc=OTHER))
        await added(client, key, source(site, "/dead"))
        async with fetching():

            async def asked() -> bool:
                return "/dead" in site.paths()

            await eventually(asked)
            await added(client, key, source(site))
            await added(client, other, source(elsewhere))
            for live in (Watched(client, key), Watched(client, other, f"/sources/{OTHER}/list")):
                assert (await live.next())["counts"]["received"] == 1
                assert (await live.next(ask=True))["counts"]["unchanged"] == 1
            (under_way,) = (await client.get(f"/sources/{USCC}/dead/fetches", headers=key)).json()
            assert under_way["status"] == "running"
    assert site.paths().count("/dead") == 1


async def test_what_fails_is_told_tried_later_and_paused_after_a_day(
    client: httpx2.AsyncClient, key: dict[str, str], site: Partner, fetching: Fetching, database: AsyncDatabase[Json]
) -> None:
    site.answers["/list"] = lambda handler: handler.say(b"", 403)
    await added(client, key, source(site))
    fetches = Watched(client, key)
    async with fetching(Limits(total_s=5)):
        fetch = await fetches.next()
        assert (fetch["status"], fetch["error"]) == ("failed", "It refused us (HTTP 403): check the token.")
        schedule = await database["schedules"].find_one({"_id": f"{USCC}/source:list"})
        assert schedule is not None and (schedule["failures"], schedule["slow"]) == (1, True)
        assert schedule["due"] > schedule["last"]["at"] + timedelta(seconds=29)
        yesterday = {"failing_since": now() - timedelta(days=1, minutes=1), "failures": 9, "due": now()}
        await database["schedules"].update_one({"_id": schedule["_id"]}, {"$set": yesterday})
        await fetches.next()

        async def paused() -> bool:
            return bool((await client.get(PATH, headers=key)).json()["standing"] == "gave-up")

        await eventually(paused)
        assert (await client.post(f"{PATH}/fetch", headers=key)).status_code == 409
        site.answers["/list"] = entries(submission("a"))
        assert (await client.post(f"{PATH}/resume", headers=key)).status_code == 200
        assert (await fetches.next())["counts"]["received"] == 1
    stream = await Streams(database, SOURCES).get(f"{USCC}/source:list")
    assert SourcePaused(reason="failing") in [event.data for event in stream.events]


async def test_of_two_workers_one_fetches(
    client: httpx2.AsyncClient, key: dict[str, str], site: Partner, fetching: Fetching
) -> None:
    for number in range(15):
        site.answers[f"/list-{number}"] = entries(submission(f"a-{number}"))
        await added(client, key, source(site, f"/list-{number}"))
    async with fetching(), fetching():
        for number in range(15):
            await Watched(client, key, f"/sources/{USCC}/list-{number}").next()
    assert sorted(site.paths()) == sorted(site.answers)


async def test_a_source_whose_schedule_was_never_written_is_fetched_all_the_same(
    client: httpx2.AsyncClient, key: dict[str, str], site: Partner, fetching: Fetching, database: AsyncDatabase[Json]
) -> None:
    site.answers["/list"] = entries(submission("a"))
    await added(client, key, source(site))
    await database["schedules"].drop()
    async with fetching():
        assert (await Watched(client, key).next())["counts"]["received"] == 1


async def test_a_removed_source_leaves_its_entries_and_nothing_of_its_own(
    client: httpx2.AsyncClient, key: dict[str, str], site: Partner, fetching: Fetching, database: AsyncDatabase[Json]
) -> None:
    site.answers["/list"] = entries(submission("a"))
    await added(client, key, source(site, token="s3cret"))
    async with fetching():
        await Watched(client, key).next()
        assert (await client.delete(PATH, headers=key)).status_code == 204
        assert (await client.get(PATH, headers=key)).status_code == 404
        assert (await client.get("/sources", headers=key)).json() == []
        for collection in ("source_secrets", "listed", "fetches"):
            assert await database[collection].count_documents({}) == 0
        await added(client, key, source(site))
        assert (await Watched(client, key).next())["counts"]["unchanged"] == 1
    assert await held(client, key) == {"a": (1, "received")}


ALONE = """
import asyncio
from submissions.__main__ import mongo
from submissions.sources.worker import Fetcher
from runtime.settings import Settings
settings = Settings()
asyncio.run(Fetcher(settings, mongo(settings)[settings.database("submissions")]).run())
"""


async def test_a_worker_killed_between_batches_leaves_whole_lines_and_the_next_goes_on(
    client: httpx2.AsyncClient, key: dict[str, str], site: Partner, settings: Settings, database: AsyncDatabase[Json]
) -> None:
    def alone(**extra: str) -> subprocess.Popen[bytes]:
        path = os.pathsep.join(str(ROOT / part) for part in ("libs", "services", "."))
        env = {**os.environ, **environment(settings), "PYTHONPATH": path, **extra}
        return subprocess.Popen([sys.executable, "-c", ALONE], env=env, cwd=ROOT)

    site.answers["/list"] = entries(*(submission(f"a-{number}") for number in range(1200)))
    await added(client, key, source(site))
    killed = alone(SHUANGQIAN_CRASH_AT="source.after_take:1")
    assert await asyncio.to_thread(killed.wait, 60) == -signal.SIGKILL
    whole = 2 * BATCH_LINES
    assert await database["submissions"].count_documents({}) == whole
    again = alone()
    try:
        fetch = await Watched(client, key).next()
        assert fetch["counts"] == {"listed": 1200, "unchanged": whole, "received": 1200 - whole}
    finally:
        again.terminate()
        await asyncio.to_thread(again.wait, 20)
    found = (await client.get(f"{PATH}/fetches", headers=key)).json()
    assert [each["status"] for each in found] == ["taken", "interrupted"]
    assert await database["submissions"].count_documents({"version": 1}) == 1200
