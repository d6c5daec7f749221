"""The console as a page: what is parked can be opened from it."""

from datetime import UTC, datetime

import pytest

from review.console.neighbours import Neighbours, Stopped, Told
from tests.review.conftest import SignIn
from tests.review.test_web import OPERATOR
from web.languages import _, load, speak


async def test_a_parked_message_without_a_key_has_a_name_by_which_it_is_opened(
    signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    parked = Stopped(
        id="t ", stream="", topic="t", partition=4, offset=28, since=datetime.now(UTC), waiting=1, error="no JSON"
    )

    async def ask(self: Neighbours, request: object) -> dict[str, Told | None]:
        return {"review": Told(relay=None, queues=(), parked=(parked,))}

    monkeypatch.setattr(Neighbours, "ask", ask)
    page = (await signed_in(OPERATOR).get("/console")).text
    assert '/operations/parked/t%20">(no key), partition 4, offset 28</a>' in page


async def test_the_relay_has_one_name_on_the_console_and_on_each_services_operations(signed_in: SignIn) -> None:
    page = (await signed_in(OPERATOR).get("/console", headers={"Accept-Language": "zh"})).text
    assert 'id="relays">中继</h2>' in page
    with speak("zh", load()):
        assert _("Relay behind").startswith("中继")
