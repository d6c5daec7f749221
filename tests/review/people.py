"""The people of the desk's tests, the case that they judge, and what they send."""

from schemas.review import CRITERIA
from tests.review.conftest import ADDRESSES, reviewer
from tests.review.entries import OWN
from web.people import Person

JSON = {"Accept": "application/json"}
LI, WANG, ZHAO = reviewer("reviewer-li"), reviewer("reviewer-wang"), reviewer("reviewer-zhao")
OPERATOR = Person("operator-zheng", "郑运", ("operator",))
ONLOOKER = Person("onlooker-jin", "金观", ("onlooker",))
#: The address of the first revision of OWN's scene SC-1.
CASE = ADDRESSES.path(f"{OWN}/SC-1@1")
#: A review as JSON, and as its page's form sends it.
GIVEN = {"scores": dict.fromkeys(CRITERIA["scene"], 4), "verdict": "reject", "comment": "no"}
FORM = {f"score-{name}": "4" for name in CRITERIA["scene"]} | {"verdict": "reject", "comment": "no", "key": "k1"}
GOOD = FORM | {"verdict": "approve", "comment": ""}
#: A form as far as it is written, which its page keeps as a draft.
WRITTEN = {"key": "k1", "person": LI.sub, "score-facing-society": "4", "verdict": "reject", "comment": "half a sen"}
