"""The catalogue and the desk for programs."""

from xml.etree import ElementTree as xml

from tests.publishing.conftest import PUBLISHER, Browser, Publishing
from tests.publishing.given import MONTH, contacts, entry

ATOM = "{http://www.w3.org/2005/Atom}"


async def test_a_publisher_brings_a_month_out_by_program(publishing: Publishing, visit: Browser) -> None:
    ids = await publishing.queued("scene", 101) + await publishing.queued("product", 101)
    desk, public = visit(PUBLISHER, page=False), visit(page=False)
    assert (await desk.post("/releases", json={"month": MONTH})).status_code == 201
    assert (await desk.post("/releases", json={"month": "2026-13"})).status_code == 422
    incomplete = await desk.post(f"/releases/{MONTH}/freeze")
    assert incomplete.status_code == 409
    assert incomplete.json()["missing"] == {"scene": 100, "product": 100}

    some = (await desk.post(f"/releases/{MONTH}/entries", json={"entries": [ids[0], ids[101]]})).json()
    assert (some["added"], some["refused"]) == ([ids[0], ids[101]], [])
    assert (await desk.delete(f"/releases/{MONTH}/entries/{ids[0]}")).json()["counts"] == {"product": 1}
    assert (await desk.delete(f"/releases/{MONTH}/entries/{ids[0]}")).status_code == 404
    filled = (await desk.post(f"/releases/{MONTH}/entries", json={"fill": True})).json()
    assert filled["release"]["counts"] == {"scene": 100, "product": 100}
    over = (await desk.post(f"/releases/{MONTH}/entries", json={"entries": [ids[100]]})).json()
    assert over["refused"] == [{"entry": ids[100], "rule": "release.full", "detail": "The month is full of this kind."}]

    assert (await desk.post(f"/releases/{MONTH}/publish")).json()["type"].endswith("release-not-frozen")
    frozen = (await desk.post(f"/releases/{MONTH}/freeze")).json()
    assert (await public.get("/catalogue.json")).json()["total"] == 0
    published = (await desk.post(f"/releases/{MONTH}/publish")).json()
    assert (published["status"], published["manifest"]) == ("published", frozen["manifest"])
    assert (await public.get("/catalogue.json")).json()["total"] == 200
    [month] = (await desk.get("/releases")).json()["releases"]
    assert (month["month"], month["status"], month["missing"]) == (MONTH, "published", {})


async def test_no_more_is_asked_for_at_once_than_a_month_can_hold(publishing: Publishing, visit: Browser) -> None:
    await publishing.opened()
    [id] = await publishing.queued("scene", 1)
    partner = id.partition("/")[0]
    for count, status in (300, 200), (301, 422):
        asked = {"entries": [id, *(f"{partner}/NOT-{n}" for n in range(count - 1))]}
        answer = await visit(PUBLISHER, page=False).post(f"/releases/{MONTH}/entries", json=asked)
        assert answer.status_code == status


async def test_the_desk_is_for_publishers(publishing: Publishing, visit: Browser) -> None:
    reviewer = PUBLISHER | {"roles": ["reviewer"]}
    for path, method in (("/releases", "GET"), (f"/releases/{MONTH}", "GET"), (f"/releases/{MONTH}/publish", "POST")):
        assert (await visit(page=False).request(method, path)).status_code == 401
        assert (await visit(reviewer, page=False).request(method, path)).status_code == 403


async def test_the_catalogue_answers_filters_page_by_page(publishing: Publishing, visit: Browser) -> None:
    await publishing.published(60, 3, 2)
    public = visit(page=False)
    first = (await public.get("/catalogue.json?kind=scene")).json()
    assert (first["total"], len(first["entries"]), first["page"]) == (60, 50, 1)
    second = (await public.get(first["next"])).json()
    assert (len(second["entries"]), second["next"]) == (10, None)
    assert not {row["id"] for row in first["entries"]} & {row["id"] for row in second["entries"]}
    for query in (
        "industry=new-retail",
        "sector=new-retail",
        "partner=11510100MB1T46HD1G",
        f"release={MONTH}",
        "q=无人机",
    ):
        assert (await public.get(f"/catalogue.json?{query}")).json()["total"] > 0
    assert (await public.get("/catalogue.json?release=2020-01")).json()["total"] == 0
    assert (await public.get("/catalogue.json?page=0")).status_code == 422


async def test_an_entry_is_json_to_programs_and_by_its_own_address(publishing: Publishing, visit: Browser) -> None:
    await publishing.published(1, 1)
    id, said = entry("scene")
    one = await visit(page=False).get(f"/catalogue/{id}")
    two = await visit().get(f"/catalogue/{id}.json")
    assert one.json() == two.json()
    assert one.json()["entry"]["title"]["zh"] == said.title.zh
    assert "contact" not in one.json()["entry"]
    missing = await visit(page=False).get("/catalogue/11510100MB1T46HD1G/NOTHING")
    assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")


async def test_who_has_the_latest_is_not_sent_it_again(publishing: Publishing, visit: Browser) -> None:
    await publishing.published(1, 1)
    public = visit(page=False)
    for path in ("/catalogue.json", f"/catalogue/{entry('scene')[0]}.json", "/feed.atom"):
        first = await public.get(path)
        assert first.headers["access-control-allow-origin"] == "*"
        again = await public.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        if "last-modified" in first.headers:
            since = {"If-Modified-Since": first.headers["last-modified"]}
            assert (await public.get(path, headers=since)).status_code == 304
        assert (await public.get(path, headers={"If-None-Match": '"other"'})).status_code == 200


async def test_the_feed_is_an_atom_feed_in_either_language(publishing: Publishing, visit: Browser) -> None:
    await publishing.published(40, 40, 2)
    for language in ("zh", "en"):
        answer = await visit(page=False).get(f"/feed.atom?lang={language}&kind=scene")
        assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
        feed = xml.fromstring(answer.content)
        assert feed.tag == f"{ATOM}feed"
        ids = [element.text for element in feed.iter(f"{ATOM}id")]
        entries = feed.findall(f"{ATOM}entry")
        assert len(entries) == 40 and len(set(ids)) == 41
        assert all(id and id.startswith("urn:shuangqian:") for id in ids)
        for element in (feed, *entries):
            for name in ("id", "title", "updated"):
                assert element.findtext(f"{ATOM}{name}")
        for element in entries:
            assert element.findtext(f"{ATOM}author/{ATOM}name")
            assert element.findtext(f"{ATOM}summary")
            [link] = element.findall(f"{ATOM}link[@rel='alternate']")
            assert link.get("href", "").startswith("http://publishing.test/catalogue/")
        [own] = feed.findall(f"{ATOM}link[@rel='self']")
        assert own.get("href") == f"http://publishing.test/feed.atom?kind=scene&lang={language}"
        assert ("Drone" in answer.text) == (language == "en")


async def test_an_empty_catalogue_has_a_valid_feed_too(publishing: Publishing, visit: Browser) -> None:
    feed = xml.fromstring((await visit(page=False).get("/feed.atom")).content)
    assert feed.findtext(f"{ATOM}updated")
    assert feed.findall(f"{ATOM}entry") == []


async def test_no_public_answer_holds_a_contact(publishing: Publishing, visit: Browser) -> None:
    await publishing.published(28, 26, 10)
    public, program = visit(), visit(page=False)
    ids = [entry(kind, n)[0] for kind, count in (("scene", 28), ("product", 26), ("linkage", 10)) for n in range(count)]
    paths = ["/catalogue.json", "/catalogue.json?page=2", "/feed.atom"] + [f"/catalogue/{id}.json" for id in ids]
    answers = [await program.get(path) for path in paths]
    answers += [await public.get(path) for path in ("/", "/catalogue", "/about", *(f"/catalogue/{id}" for id in ids))]
    assert {answer.status_code for answer in answers} == {200}
    people = contacts()
    assert len(people) > 20
    for answer in answers:
        assert not [part for part in people if part in answer.text]
    for part in list(people)[:3]:
        assert (await program.get("/catalogue.json", params={"q": part})).json()["total"] == 0
