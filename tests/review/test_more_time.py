"""A lease on a case runs out while somebody writes: what they are told, and how they get more time."""

import re
from datetime import datetime, timedelta
from typing import Any

from review.desk import now
from review.domain.claiming import Claim
from review.domain.lease import LEASE, LONGEST
from tests.review.conftest import Review, SignIn
from tests.review.entries import OWN, received, scene
from tests.review.people import CASE, JSON, LI, WRITTEN
from web.languages import load, moment, speak


async def held_since(review: Review, sub: str, ago: timedelta) -> datetime:
    """The case claimed so long ago, and held on to as long as could be: when that ends."""
    since = now().replace(microsecond=0) - ago
    who: dict[str, Any] = {
        "stream": f"{OWN}/SC-1@1",
        "cause": f"claim {ago}",
        "actor": f"user:{sub}",
        "reviewer": sub,
        "partner": None,
    }
    last = since + LONGEST
    await review.cases.handle([Claim(**who, at=since, until=min(last, now().replace(microsecond=0) + LEASE))])
    return last


async def test_more_time_keeps_what_is_written_where_no_script_runs(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene())])
    li = signed_in(LI)
    page = (await li.post(f"{CASE}/claim")).text
    button = re.search(rf'<button[^>]*formaction="{CASE}/extend"[^>]*>', page)
    assert button and 'form="review-form"' in button[0], "it sends the review's form"
    first = page.index('data-review="')
    assert page.index("Give the review", first) < button.start(), "Enter presses the form's own button, which is first"
    page = (await li.post(f"{CASE}/extend", data=WRITTEN)).text
    assert "half a sen</textarea>" in page and 'value="reject" checked' in page
    await li.post(f"{CASE}/extend", data={"person": LI.sub}, headers=JSON)
    assert "half a sen</textarea>" in (await li.get(CASE)).text, (
        "the script asks without the form, which it saves itself"
    )


def bar(page: str) -> list[str]:
    """What the bar says where no script runs."""
    return re.findall(r"<noscript><\w+[^>]*>(.*?)</\w+></noscript>", page[page.index('class="rv-time"') :])


async def test_where_no_script_runs_the_bar_says_until_when_and_that_time_is_short(
    review: Review, signed_in: SignIn
) -> None:
    await review.react([received("SC-1", scene())])
    li = signed_in(LI)

    async def until() -> str:
        lease = (await review.cases.get(f"{OWN}/SC-1@1")).state.lease
        assert lease
        return f"Yours until {moment(lease.until)}"

    with speak("en", load()):
        assert bar((await li.post(f"{CASE}/claim")).text) == [await until()]
        await li.post(f"{CASE}/leave", headers=JSON)
        short = (await li.get(CASE)).text
        assert bar(short) == [await until(), "Less than two minutes are left. Press “More time” to go on."]
        assert bar((await li.post(f"{CASE}/extend", data=WRITTEN)).text) == [await until()]


async def test_who_asks_for_more_than_a_lease_can_last_is_told_what_to_do(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene())])
    li, last = signed_in(LI), await held_since(review, LI.sub, timedelta(hours=3, minutes=58))
    assert f'data-last="{last.isoformat()}"' in (await li.get(CASE)).text
    lease = (await li.post(f"{CASE}/extend", headers=JSON)).json()["lease"]
    assert datetime.fromisoformat(lease["last"]) == datetime.fromisoformat(lease["until"]) == last
    page = (await li.post(f"{CASE}/extend", data=WRITTEN)).text
    assert page.count("A case is held for 4 hours at a time at most") == 3, "said, in the bar, and there for the script"
    assert re.search(rf'formaction="{CASE}/claim"[^>]* hidden', page), "not before its time is over"


async def test_where_no_script_runs_the_bar_says_that_there_is_no_more_time_to_be_had(
    review: Review, signed_in: SignIn
) -> None:
    """The answer to “More time” is in view there, at the form: the notice is at the top of the page."""
    await review.react([received("SC-1", scene())])
    li = signed_in(LI)
    await held_since(review, LI.sub, timedelta(hours=3, minutes=40))
    _until, said = bar((await li.post(f"{CASE}/extend", data=WRITTEN)).text)
    assert said.startswith("A case is held for 4 hours at a time at most")


async def test_who_held_a_case_as_long_as_one_may_claims_it_again_and_goes_on(
    review: Review, signed_in: SignIn
) -> None:
    await review.react([received("SC-1", scene())])
    li, last = signed_in(LI), await held_since(review, LI.sub, timedelta(hours=4, minutes=1))
    page = (await li.get(CASE)).text
    assert re.search(rf'formaction="{CASE}/claim"[^>]* data-again>', page) and "Your time ran out" in page
    again = await li.post(f"{CASE}/claim", data=WRITTEN)
    assert "half a sen</textarea>" in again.text
    lease = (await review.cases.get(f"{OWN}/SC-1@1")).state.lease
    assert lease and lease.reviewer == LI.sub and lease.until > last
