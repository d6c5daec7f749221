"""The console as a page: what is parked can be opened from it."""

from datetime import UTC, datetime

import pytest

from review.console.neighbours import Neighbours, Stopped, Told
from tests.review.conftest import SignIn
from tests.review.test_web import OPERATOR


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
