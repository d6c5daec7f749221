"""Whose key it is: the look-up behind every keyed request, remembered for a second so that it is seldom asked."""

import time
from dataclasses import dataclass

from pymongo.asynchronous.database import AsyncDatabase

from schemas.envelope import Json
from submissions import keys
from submissions.domain.partner import Key
from submissions.sharing import Account

#: Seconds that a key's record is remembered in this process. A key revoked in another process lives so much longer.
REMEMBERED_S = 1.0
#: Records remembered at once; more than partners have keys in use.
MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Held:
    """A key as its partner holds it."""

    partner: str
    key: Key

    @property
    def account(self) -> Account:
        """What its use is counted under."""
        return self.partner, self.key.mode


class Keyring:
    """The keys of all partners, by their text."""

    def __init__(self, database: AsyncDatabase[Json]) -> None:
        self._partners = database["partners"]
        self._remembered: dict[str, tuple[float, Held]] = {}

    async def find(self, text: str) -> Held | None:
        """The key of this text, revoked and expired ones too; None where it is nobody's."""
        id = keys.id_of(text)
        if id is None:
            return None
        until, held = self._remembered.get(id, (0.0, None))
        if until < time.monotonic():
            held = await self._load(id)
        return held if held and keys.fits(text, held.key.hash) else None

    def forget(self, id: str) -> None:
        """Ask again next time: something was done with this key here."""
        self._remembered.pop(id, None)

    async def _load(self, id: str) -> Held | None:
        asked = time.monotonic()
        document = await self._partners.find_one({"state.keys.id": id}, {"state.keys.$": 1})
        if document is None:
            return None  # not remembered: who guesses ids must not fill the memory
        held = Held(document["_id"], Key.model_validate(document["state"]["keys"][0], strict=False))
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[id] = (asked + REMEMBERED_S, held)
        return held
