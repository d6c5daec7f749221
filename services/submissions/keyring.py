"""Whose key it is: the look-up behind every keyed request, remembered for a second so that it is seldom asked."""

import asyncio
import contextvars
import math
import time
from dataclasses import dataclass

from pymongo.asynchronous.database import AsyncDatabase

from schemas.envelope import Json
from submissions import keys
from submissions.domain.partner import Key
from submissions.turns import Account

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
        #: When each was asked for, and the answer.
        self._remembered: dict[str, tuple[float, Held]] = {}
        self._asking: dict[str, asyncio.Task[Held | None]] = {}

    async def find(self, text: str) -> Held | None:
        """The key of this text, revoked and expired ones too; None where it is nobody's."""
        id = keys.id_of(text)
        if id is None:
            return None
        asked, held = self._remembered.get(id, (-math.inf, None))
        age_s = time.monotonic() - asked
        if age_s > REMEMBERED_S:
            # Whoever goes away meanwhile takes the answer from nobody else.
            held = await asyncio.shield(self._ask(id))
        elif age_s > REMEMBERED_S / 2:
            self._ask(id)  # before it is needed, so that of a key in use nobody waits for it
        return held if held and keys.fits(text, held.key.hash) else None

    def forget(self, id: str) -> None:
        """Ask again next time: something was done with this key here."""
        self._remembered.pop(id, None)
        self._asking.pop(id, None)

    def _ask(self, id: str) -> asyncio.Task[Held | None]:
        """The question that is under way, or a new one: all who want to know a key at once ask once."""
        if id not in self._asking:
            # A context of its own: the question belongs to none of the requests.
            task = asyncio.get_running_loop().create_task(self._load(id), context=contextvars.Context())
            task.add_done_callback(lambda task: self._answered(id, task))
            self._asking[id] = task
        return self._asking[id]

    def _answered(self, id: str, task: asyncio.Task[Held | None]) -> None:
        if self._asking.get(id) is task:
            del self._asking[id]
        if not task.cancelled():
            task.exception()  # told to those who wait; where nobody does, the next will ask

    async def _load(self, id: str) -> Held | None:
        asked = time.monotonic()
        document = await self._partners.find_one({"state.keys.id": id}, {"state.keys.$": 1})
        if document is None:
            return None  # not remembered: who guesses ids must not fill the memory
        held = Held(document["_id"], Key.model_validate(document["state"]["keys"][0], strict=False))
        if self._asking.get(id) is asyncio.current_task():  # else it was forgotten since
            if len(self._remembered) >= MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[id] = (asked, held)
        return held
