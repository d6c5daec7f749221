"""What is done with keys: issue, rotate, revoke; and when each was issued and last used."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pymongo.asynchronous.database import AsyncDatabase

from runtime.streams import Outcome, Streams
from schemas.envelope import Json
from schemas.submission import Mode, PartnerFact, PartnerKeyIssued, Scope
from submissions import keys
from submissions.callers import Caller
from submissions.domain.partner import IssueKey, Key, Partner, PartnerCommand, RevokeKey, RotateKey
from submissions.intake import now
from submissions.keyring import Keyring
from submissions.refusals import raise_for
from web.languages import _
from web.problems import Problem

Partners = Streams[Partner, PartnerCommand, PartnerFact]
Overlap = Literal["1h", "1d", "7d"]
#: How long a rotated key goes on working.
OVERLAPS: dict[Overlap, timedelta] = {"1h": timedelta(hours=1), "1d": timedelta(days=1), "7d": timedelta(days=7)}
#: A key that expires so soon is warned of.
SOON = timedelta(days=14)


@dataclass(frozen=True)
class Issued:
    """A key with what is known of it besides; `used` is the minute of its last use, None where there was none;
    `replaced` the id of the key that took its place."""

    key: Key
    at: datetime
    used: datetime | None
    replaced: str | None

    @property
    def status(self) -> str:
        """active, expiring (soon), expired or revoked."""
        if self.key.revoked:
            return "revoked"
        if self.key.expired(now()):
            return "expired"
        return "expiring" if self.key.expired(now() + SOON) else "active"


class KeyDesk:
    """The acts on keys. Each raises the Problem that keeps it from being done."""

    def __init__(self, partners: Partners, keyring: Keyring, database: AsyncDatabase[Json]) -> None:
        self._partners, self._keyring, self._uses = partners, keyring, database["key_uses"]

    async def issue(
        self,
        uscc: str,
        label: str,
        caller: Caller,
        cause: str,
        *,
        mode: Mode = "live",
        scopes: tuple[Scope, ...] = ("submit", "read"),
        expires: datetime | None = None,
    ) -> keys.NewKey | None:
        """The key, whose text nobody sees again; None where this request had one before."""
        _within(caller, mode, scopes)
        key = keys.make(mode)
        outcome = await self._handle(
            IssueKey(
                stream=uscc,
                cause=cause,
                actor=caller.actor,
                at=now(),
                key=key.id,
                label=label,
                hash=key.hash,
                mode=mode,
                scopes=scopes,
                expires=expires,
            )
        )
        return key if outcome.fresh else None

    async def rotate(
        self, uscc: str, key: str, overlap: Overlap, caller: Caller, cause: str, *, expires: datetime | None = None
    ) -> tuple[keys.NewKey, Key] | None:
        """The key that takes `key`'s place, and the old one with its end; None where this request had one before."""
        old = await self.held(uscc, key)
        _within(caller, old.mode, old.scopes)
        new, at = keys.make(old.mode), now()
        outcome = await self._handle(
            RotateKey(
                stream=uscc,
                cause=cause,
                actor=caller.actor,
                at=at,
                key=key,
                new=new.id,
                hash=new.hash,
                until=at + OVERLAPS[overlap],
                expires=expires,
            )
        )
        self._keyring.forget(key)
        return (new, next(held for held in outcome.state.keys if held.id == key)) if outcome.fresh else None

    async def revoke(self, uscc: str, key: str, caller: Caller, cause: str) -> None:
        old = await self.held(uscc, key)
        _within(caller, old.mode, old.scopes)
        await self._handle(RevokeKey(stream=uscc, cause=cause, actor=caller.actor, at=now(), key=key))
        self._keyring.forget(key)

    async def held(self, uscc: str, key: str) -> Key:
        """A partner's key. Raises the Problem of one there is not."""
        found = (await self._partners.get(uscc)).state
        held = next((held for held in found.keys if held.id == key), None)
        if held is None:
            raise Problem(404, "unknown-key", _("There is no such key"))
        return held

    async def all(self, uscc: str) -> tuple[Partner, list[Issued]]:
        """A partner and its keys: those that work first, then by when they were issued."""
        found = await self.partner(uscc)
        times = {e.data.key: e.time for e in found.events if isinstance(e.data, PartnerKeyIssued)}
        ids = [key.id for key in found.state.keys]
        used = {doc["_id"]: doc["at"] async for doc in self._uses.find({"_id": {"$in": ids}})}
        replaced = {key.replaces: key.id for key in found.state.keys}
        issued = [Issued(key, times[key.id], used.get(key.id), replaced.get(key.id)) for key in found.state.keys]
        return found.state, sorted(issued, key=lambda each: (not each.key.opens(now()), each.at))

    async def partner(self, uscc: str) -> Outcome[Partner]:
        return await self._partners.get(uscc)

    async def _handle(self, command: PartnerCommand) -> Outcome[Partner]:
        (outcome,) = await self._partners.handle([command])
        raise_for(outcome.refusal)
        return outcome


def _within(caller: Caller, mode: Mode, scopes: tuple[Scope, ...]) -> None:
    """Raises the Problem of a key that would reach beyond itself: what it issues or ends is of its mode and scopes."""
    if caller.key and (caller.mode != mode or not set(scopes) <= set(caller.scopes)):
        detail = _("This key is for %(mode)s, with the scopes %(scopes)s; it issues and ends only keys within these.")
        said = detail % {"mode": caller.mode, "scopes": ", ".join(caller.scopes)}
        raise Problem(403, "key-beyond", _("A key never reaches beyond itself"), said)


def already_shown() -> Problem:
    """Of a request that issued a key and comes again: the text is kept nowhere."""
    detail = _("Issue another, and revoke the one you did not keep.")
    return Problem(409, "key-shown", _("This key was shown already"), detail)
