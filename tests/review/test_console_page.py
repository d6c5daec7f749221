"""The console as a page: what is parked can be opened from it."""

from datetime import UTC, datetime

import pytest

from review.console.figures import Sample
from review.console.neighbours import Neighbours, Stopped, Told
from review.console.sampling import Sampler
from runtime.consumers import Group, Part
from tests.review.conftest import SignIn
from tests.review.people import OPERATOR
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


async def test_nothing_need_be_done_only_where_nothing_is_parked_and_it_is_known_that_nothing_waits(
    signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = Stopped(
        id="s t", stream="s", topic="t", partition=0, offset=0, since=datetime.now(UTC), waiting=2, error="no JSON"
    )
    told = {"review": Told(relay=None, queues=(), parked=())}
    samples: list[Sample] = []

    async def ask(self: Neighbours, request: object) -> dict[str, Told | None]:
        return dict(told)

    monkeypatch.setattr(Neighbours, "ask", ask)
    monkeypatch.setattr(Sampler, "samples", lambda self: samples)
    operator = signed_in(OPERATOR)
    page = (await operator.get("/console")).text
    assert "Nothing need be done" not in page and "Kafka does not answer" in page
    done = Group("review", "Stable", (Part("t", 0, 9, 9),))
    samples.append(Sample(datetime.now(UTC).timestamp(), {"review": done}))
    # It samples a Kafka that is not there, and would say so after a while.
    monkeypatch.setattr(Sampler, "failing", property(lambda self: None, lambda self, why: None), raising=False)
    page = (await operator.get("/console")).text
    assert "Nothing need be done" in page
    told["review"] = Told(relay=None, queues=(), parked=(stopped, stopped))
    page = (await operator.get("/console")).text
    assert "Nothing need be done" not in page and ">2 streams are parked</a>: an event of each could not be" in page
    page = (await operator.get("/console", headers={"Accept-Language": "zh"})).text
    assert '<a class="govuk-link" href="#parked">2 个事件流被搁置</a>：其中有事件无法处理' in page
    told["review"] = Told(relay=None, queues=(), parked=(stopped, stopped), parked_total=300)
    assert ">300 streams are parked</a>" in (await operator.get("/console")).text  # not only those that are listed


async def test_the_relay_has_one_name_on_the_console_and_on_each_services_operations(signed_in: SignIn) -> None:
    page = (await signed_in(OPERATOR).get("/console", headers={"Accept-Language": "zh"})).text
    assert 'id="relays">中继</h2>' in page
    with speak("zh", load()):
        assert _("Relay behind").startswith("中继")
