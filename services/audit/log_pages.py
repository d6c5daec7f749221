"""The log's health: /audit/log, for auditors: its size, the age of its last checkpoint, its witnesses, what is odd."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from audit import log_texts
from audit.log.folder import Folder
from audit.log.store import LogStore
from audit.log.witness import witnesses
from audit.pages import tabs
from runtime.settings import Settings
from schemas.envelope import Json
from web.pages import page
from web.people import Person, require

PAGE = 50


def log_pages(settings: Settings, folder: Folder, store: LogStore) -> APIRouter:
    router = APIRouter()
    asked = witnesses(settings.log_witnesses)

    @router.get("/audit/log", include_in_schema=False)
    def health(
        request: Request,
        me: Annotated[Person, Depends(require("auditor"))],
        number: Annotated[int, Query(alias="page", ge=1, le=10_000)] = 1,
    ) -> Response:
        last = store.last()
        recorded, odd, total = store.recorded(), *store.odd(number, PAGE)
        pages = -(-total // PAGE)
        if number > pages > 0:  # there were more, or somebody typed it: the last there is
            number, (odd, total) = pages, store.odd(pages, PAGE)
        return page(
            request,
            "log.html",
            tabs_=tabs("/audit/log"),
            last=last,
            age_s=round((datetime.now(UTC) - last["signed"]).total_seconds()) if last else None,
            root=bytes(last["root"]).hex() if last else None,
            recorded=recorded,
            waiting=recorded - (last["_id"] if last else 0),
            every_s=round(settings.log_checkpoint_s),
            keys=[str(each) for each in folder.verifiers()],
            witnesses=[_witness(each.key.name, each.url, store) for each in asked],
            stamped=store.last_stamped(),
            stamps_url=settings.log_timestamps_url,
            releases=[each | {"covering": store.covering(each["leaf"])} for each in store.releases()],
            odd=odd,
            total=total,
            number=number,
            pages_=pages,
            texts=log_texts,
        )

    return router


def _witness(name: str, url: str, store: LogStore) -> Json:
    return {"name": name, "url": url, "size": None, "at": None, "error": None} | (
        store.witnesses.find_one({"_id": name}, {"_id": 0}) or {}
    )
