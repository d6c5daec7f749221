"""Trying out: whatever a block writes to MongoDB is seen within the block, and undone after it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from pymongo.asynchronous.database import AsyncDatabase

from schemas.envelope import Json

_trying: ContextVar[bool] = ContextVar("trying", default=False)


def trying() -> bool:
    """Whether what is written now will be undone; then it must be written here and now, and not by another task."""
    return _trying.get()


@asynccontextmanager
async def undone(database: AsyncDatabase[Json]) -> AsyncIterator[None]:
    """One transaction around all that the block does with the database's client, aborted at its end.

    So nothing of it reaches a change stream, and no relay sends it. The block must not use the client concurrently, and
    its collections must have no write concern of their own.
    """
    async with database.client.start_session() as session, session.bind():
        await session.start_transaction()
        mark = _trying.set(True)
        try:
            yield
        finally:
            _trying.reset(mark)
            if session.in_transaction:
                await session.abort_transaction()
