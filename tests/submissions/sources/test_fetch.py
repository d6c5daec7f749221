"""Fetching from real servers: within limits, pinned to the address that was judged, and never led inward."""

import asyncio
import gzip
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime import outbound
from runtime.outbound import ANYWHERE, PUBLIC, Reach
from submissions.sources.fetch import CONNECT_S, Fetched, Known, Limits, NotFetched, client, fault, fetch
from submissions.sources.texts import failure
from tests.notifications.receivers import receiver
from tests.notifications.test_webhook import certificate
from tests.submissions.sources.servers import Partner, bomb, hanging, partner, redirect, tagged, text, trickling
from web.languages import load, speak

#: To these tests, one address of the loopback is the public internet and all others lie inward.
OUTSIDE = "127.0.0.1"
QUICK = Limits(total_s=1.0, bytes=1_000_000)


class Names:
    """A resolver that gives each name's answers one after the other, the last for ever."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        given = self.answers.get(host.partition(".")[0], [[host]])
        return given.pop(0) if len(given) > 1 else given[0]


def outside(names: Names) -> Reach:
    return Reach(plain=True, addresses=lambda address: address == OUTSIDE, look_up=names)


@pytest.fixture
def site() -> Iterator[Partner]:
    with partner() as made:
        yield made


async def get(
    url: str, within: Reach = ANYWHERE, *, token: str | None = None, known: Known | None = None, limits: Limits = QUICK
) -> Fetched:
    async with client() as http:
        return await fetch(http, url, within, token=token, known=known, limits=limits)


async def body(url: str, within: Reach = ANYWHERE, *, token: str | None = None, limits: Limits = QUICK) -> bytes:
    fetched = await get(url, within, token=token, limits=limits)
    assert fetched.body is not None
    with fetched.body:
        return fetched.body.read()


async def why(url: str, within: Reach = ANYWHERE, *, limits: Limits = QUICK) -> tuple[str, str]:
    with pytest.raises(NotFetched) as raised:
        await get(url, within, limits=limits)
    return raised.value.code, str(raised.value.detail)


async def test_what_an_address_says_is_fetched_with_its_token(site: Partner) -> None:
    site.answers["/list?page=1"] = text(b"[]")
    assert await body(f"{site.url}/list?page=1", token="s3cret") == b"[]"
    ((_, headers),) = site.asked
    assert headers["authorization"] == "Bearer s3cret" and headers["accept-language"] == "zh"
    assert headers["host"] == site.url.removeprefix("http://")


async def test_what_did_not_change_is_not_sent_again(site: Partner) -> None:
    site.answers["/"] = tagged('"one"', b"[]")
    first = await get(f"{site.url}/")
    assert first.body is not None and first.known == Known('"one"', None)
    again = await get(f"{site.url}/", known=first.known)
    assert again.body is None and again.known == first.known


async def test_an_answer_of_not_modified_that_nobody_asked_for_is_a_failure(site: Partner) -> None:
    site.answers["/"] = lambda handler: handler.say(b"", 304)
    assert await why(f"{site.url}/") == ("status", "304")


async def test_a_packed_body_is_unpacked_in_any_number_of_members(site: Partner) -> None:
    whole = bytes(range(256)) * 3000
    site.answers["/"] = text(gzip.compress(whole[:1000]) + gzip.compress(whole[1000:]), content_encoding="gzip")
    assert await body(f"{site.url}/") == whole


@pytest.mark.parametrize(
    ("packed", "coding", "code"),
    [
        (gzip.compress(b"[]" * 1000, mtime=0)[:-9], "gzip", "broken"),
        (b"[]", "gzip", "coding"),
        (b"[]", "br", "coding"),
    ],
)
async def test_what_cannot_be_unpacked_is_a_failure(site: Partner, packed: bytes, coding: str, code: str) -> None:
    site.answers["/"] = text(packed, content_encoding=coding)
    assert (await why(f"{site.url}/"))[0] == code


async def test_a_body_that_is_cut_off_is_a_failure(site: Partner) -> None:
    site.answers["/"] = text(b"[", content_length="2")
    assert (await why(f"{site.url}/"))[0] == "broken"


async def test_a_body_whose_end_nobody_announced_is_told_from_others(site: Partner) -> None:
    def until_closed(handler: object) -> None:
        handler.send_response(200)  # type: ignore[attr-defined]
        handler.end_headers()  # type: ignore[attr-defined]
        handler.wfile.write(b"{}")  # type: ignore[attr-defined]

    site.answers = {"/certain": text(b"{}"), "/open": until_closed}
    assert [(await get(f"{site.url}{path}")).framed for path in ("/certain", "/open")] == [True, False]


async def test_a_body_that_is_too_large_is_not_read_to_its_end(site: Partner) -> None:
    site.answers["/"] = text(b" " * 20_000_000)
    assert await why(f"{site.url}/") == ("size", "1000000")


async def test_a_bomb_is_found_out_before_it_bursts(site: Partner) -> None:
    site.answers["/"] = bomb
    assert await why(f"{site.url}/", limits=Limits(bytes=5_000_000)) == ("size", "5000000")


@pytest.mark.parametrize("slow", [hanging, trickling])
async def test_who_answers_slowly_or_not_at_all_is_given_up(site: Partner, slow: object) -> None:
    site.answers["/"] = slow  # type: ignore[assignment]
    assert (await why(f"{site.url}/"))[0] == "timeout"


async def test_nobody_there_is_a_failure(site: Partner) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        assert (await why(f"http://127.0.0.1:{closed.getsockname()[1]}/"))[0] == "connect"


@pytest.mark.parametrize("status", [204, 401, 403, 404, 429, 500, 503])
async def test_any_status_but_ok_is_a_failure(site: Partner, status: int) -> None:
    site.answers["/"] = lambda handler: handler.say(b"", status)
    assert await why(f"{site.url}/") == ("status", str(status))


async def test_three_redirects_are_followed_and_no_more(site: Partner) -> None:
    site.answers = {f"/{n}": redirect(f"/{n - 1}") for n in range(1, 5)} | {"/0": text(b"[]")}
    assert await body(f"{site.url}/3") == b"[]"
    assert (await why(f"{site.url}/4"))[0] == "redirects"
    site.answers["/circle"] = redirect("/circle")
    code, detail = await why(f"{site.url}/circle")
    with speak("en", load()):
        assert failure({"code": code, "detail": detail}).startswith("It was redirected too often, or in a circle")


async def test_a_token_is_not_carried_to_another_host(site: Partner) -> None:
    with partner() as other:
        site.answers["/"] = redirect(f"{other.url}/there")
        other.answers["/there"] = text(b"[]")
        await body(f"{site.url}/", token="s3cret")
    assert "authorization" in site.asked[0][1] and "authorization" not in other.asked[0][1]


async def test_a_redirect_inward_is_not_followed(site: Partner) -> None:
    with partner("127.0.0.2") as inner:
        names = Names(inner=[["127.0.0.2"]])
        port = inner.url.rpartition(":")[2]
        for name, to in (("/number", inner.url), ("/name", f"http://inner.example:{port}")):
            site.answers[name] = redirect(f"{to}/secrets")
            assert (await why(f"{site.url}{name}", outside(names)))[0] == "private"
        site.answers["/file"] = redirect("file:///etc/passwd")
        site.answers["/gopher"] = redirect("gopher://example.com/")
        site.answers["/user"] = redirect(f"http://user:word@127.0.0.1:{port}/")
        for name in ("/file", "/gopher", "/user"):
            assert (await why(f"{site.url}{name}", outside(names)))[0] in ("form", "https")
        assert inner.asked == []


async def test_a_redirect_from_https_to_http_is_not_followed() -> None:
    assert fault("http://example.com/", PUBLIC) == "https"


async def test_a_name_that_stands_for_another_address_the_second_time_leads_nowhere_else(site: Partner) -> None:
    port = int(site.url.rpartition(":")[2])
    site.answers["/"] = text(b"[]")
    names = Names(rebinding=[[OUTSIDE], ["127.0.0.2"]])
    assert await body(f"http://rebinding.example:{port}/", outside(names)) == b"[]"
    assert names.asked == ["rebinding.example"]  # once: what was judged is what was called
    assert site.asked[0][1]["host"] == f"rebinding.example:{port}"
    assert (await why(f"http://rebinding.example:{port}/", outside(names)))[0] == "private"
    assert len(site.asked) == 1


async def test_a_name_that_stands_for_one_inner_address_among_others_is_not_called(site: Partner) -> None:
    names = Names(both=[[OUTSIDE, "127.0.0.2"]])
    assert (await why(site.url.replace(OUTSIDE, "both.example"), outside(names)))[0] == "private"
    assert site.asked == []


async def test_the_next_of_several_addresses_is_tried_where_one_does_not_answer(site: Partner) -> None:
    port = int(site.url.rpartition(":")[2])
    site.answers["/"] = text(b"[]")
    within = Reach(plain=True, addresses=lambda _: True, look_up=Names(two=[["127.0.0.3", OUTSIDE]]))
    assert await body(f"http://two.example:{port}/", within) == b"[]"


async def test_a_look_up_that_does_not_end_is_given_up() -> None:
    async def never(_host: str, _port: int) -> list[str]:
        await asyncio.sleep(60)
        return []

    within = Reach(look_up=never)
    assert (await why("https://slow.example/", within))[0] == "timeout"
    assert Limits().total_s > CONNECT_S


@pytest.mark.parametrize("trusted_name", ["localhost", "elsewhere.example"])
async def test_the_certificate_must_be_that_of_the_name(tmp_path: Path, trusted_name: str) -> None:
    server, trusted = certificate(trusted_name, tmp_path)
    with receiver(tls=server) as found:
        url = found.url.replace("127.0.0.1", "localhost")
        async with outbound.client("tests", 5, trusted) as http:
            with pytest.raises(NotFetched) as raised:
                await fetch(http, url, ANYWHERE, limits=QUICK)
    # The server that is reached has nothing for GET; the other one is not spoken to at all.
    assert raised.value.code == ("status" if trusted_name == "localhost" else "tls")


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("https://example.com/a.json?page=1", None),
        ("https://example.com:8443/", None),
        ("https://example.com:25/", "port"),
        ("https://example.com:22/", "port"),
        ("https://10.0.0.1/", "private"),
        ("http://example.com/", "https"),
    ],
)
def test_addresses_are_judged_when_they_are_given(url: str, wrong: str | None) -> None:
    assert fault(url, PUBLIC) == wrong
