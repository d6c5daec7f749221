"""Cases to assign and people on the roster, for the tests of assignments."""

from review.assignment.applying import Wish, assign
from review.domain.reviewer import Register, stream
from schemas.entry import Industry
from schemas.review import Profile
from tests.review.conftest import Review
from tests.review.entries import AT, OTHER, OWN, product, received, scene
from tests.review.people import OPERATOR

SC, PR = f"{OWN}/SC-1@1", f"{OTHER}/PR-1@1"
DAILY = (60,) * 7
PEOPLE = {
    "li": Profile(name="李评", industries=(Industry.SUPPLY_CHAIN,), languages=("zh", "en"), minutes=DAILY),
    "wang": Profile(name="王审", industries=(Industry.MANUFACTURING,), languages=("zh", "en"), minutes=DAILY),
    "zhao": Profile(name="赵明", minutes=DAILY),
    "sun": Profile(name="孙正", conflicts=(OWN,), minutes=DAILY),
    "qian": Profile(name="钱同", partner=OTHER, minutes=DAILY),
    "ma": Profile(name="马真", industries=(Industry.SUPPLY_CHAIN,)),
}


async def rostered(review: Review, *subs: str) -> None:
    commands = [
        Register(stream=stream(sub), cause="test", actor="user:test", at=AT, reviewer=sub, profile=PEOPLE[sub])
        for sub in subs
    ]
    await review.desk.roster.reviewers.handle(commands)


async def opened(review: Review, *subs: str) -> None:
    """A scene of the supply chain for two reviewers, a product of manufacturing for one, and people on the roster."""
    await review.react([received("SC-1", scene()), received("PR-1", product())])
    await rostered(review, *subs)


async def kept(review: Review) -> dict[str, list[tuple[str, tuple[str, ...]]]]:
    return {
        id: [(each.reviewer, each.reasons) for each in (await review.cases.get(id)).state.assignments]
        for id in (SC, PR)
    }


async def assigned(review: Review, *pairs: tuple[str, str]) -> None:
    wishes = [Wish(row, case, sub) for row, (case, sub) in enumerate(pairs)]
    assert (await assign(review.desk, OPERATOR, "assign", wishes)).assigned == len(pairs)
