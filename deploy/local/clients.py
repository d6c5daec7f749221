"""HTTP clients of the local stack that are signed in as somebody, as a browser would be."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2


@asynccontextmanager
async def signed_in(address: str, sub: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of one service whose person went through the issuer's sign-in page; raises HTTPStatusError where not."""
    async with httpx2.AsyncClient(base_url=address, timeout=60.0, headers={"Accept-Language": "en"}) as client:
        issuer = await client.get("/sign-in", params={"next": "/livez"}, follow_redirects=True)
        back = await client.post(issuer.url, data={"sub": sub}, follow_redirects=True)
        back.raise_for_status()
        yield client
