"""The public's pages: what the programme is, the catalogue, and each entry of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from publishing.releasing import Entries
from publishing.requests import wish
from publishing.store import Catalogue, Wish, months, now
from schemas.entry import KINDS, District, Industry, Stage, Theme
from schemas.envelope import Event, Json
from schemas.publication import MONTHLY, PROGRAMME, EntryCorrected, EntryPublished, EntryRetracted
from web.languages import CITY_TIME, _, month, say
from web.pages import page as render
from web.people import person
from web.problems import Problem
from web.words import word

PAGE = 20
#: How many of the latest release's entries of each kind the home page names.
LATEST = 6
SECTORS = (*Industry, *Theme)


@dataclass(frozen=True)
class Edition:
    """One edition of an entry: its number, what it says, and from when it stood."""

    number: int
    entry: Json
    since: datetime


def pages(catalogue: Catalogue, entries: Entries) -> APIRouter:
    """/, /catalogue, /catalogue/{partner}/{reference} and /about."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def home(request: Request) -> Response:
        return render(request, "home.html", **await _programme(catalogue))

    @router.get("/catalogue")
    async def search(
        request: Request, wish: Annotated[Wish, Depends(wish)], page: Annotated[int, Query(ge=1, le=10_000)] = 1
    ) -> Response:
        rows, total = await catalogue.search(wish, page, PAGE)
        asked = urlencode({name: value for name, value in asdict(wish).items() if value})
        return render(
            request,
            "catalogue.html",
            rows=rows,
            total=total,
            current=page,
            last=max(1, -(-total // PAGE)),
            fields=_filters(wish, await catalogue.partners(), await catalogue.published()),
            asked=asked,
        )

    @router.get("/catalogue/{partner}/{reference}")
    async def entry(
        request: Request, partner: str, reference: str, edition: Annotated[int | None, Query(ge=1)] = None
    ) -> Response:
        id = f"{partner}/{reference}"
        found, stream = (await catalogue.some([id])).get(id), await entries.get(id)
        if stream.state.status == "retracted":
            return render(request, "retracted.html", status=410, state=stream.state, id=id)
        if found is None:
            detail = _(
                "It may not have been released yet, or the address is not complete. Search the catalogue for it."
            )
            raise Problem(404, "not-in-catalogue", _("This entry is not in the catalogue"), detail)
        editions = _editions(stream.events) or [Edition(found.edition, found.entry, found.published_at)]
        chosen = next((one for one in editions if one.number == edition), editions[-1])
        return render(
            request,
            "entry.html",
            shown=found,
            entry=chosen.entry,
            chosen=chosen,
            editions=editions,
            history=_history(stream.events) or [_published(found.release, found.published_at)],
            related=await catalogue.some(_named(chosen.entry)),
            linkages=await catalogue.linked(id),
            publisher="publisher" in (somebody.roles if (somebody := person(request)) else ()),
        )

    @router.get("/about")
    async def about(request: Request) -> Response:
        return render(request, "about.html")

    return router


async def _programme(catalogue: Catalogue) -> dict[str, Any]:
    """What the home page says: how far the programme is, this month, the latest month, and what was verified."""
    rows = await catalogue.counts()
    releases = await months(catalogue.releases)
    published = [release for release in releases if release["status"] == "published"]
    this_month = now().astimezone(CITY_TIME).strftime("%Y-%m")
    # The month in hand: this one, else the next that is being put together, else the latest that was published.
    this = [release for release in releases if release["month"] == this_month]
    coming = [release for release in reversed(releases) if release["status"] != "published"]
    in_hand = [*this, *coming, *published]
    verified = Wish(kind="linkage", stage=Stage.IMPLEMENTATION)
    proofs, proven = await catalogue.search(verified, 1, 3)
    newest = published[0]["month"] if published else None
    latest = await catalogue.one_of_each_sector(newest) if newest else []
    return {
        "current": in_hand[0] if in_hand else None,
        "this_month": this_month,
        "published": published,
        "newest": newest,
        "latest": {kind: [shown for shown in latest if shown.kind == kind][:LATEST] for kind in KINDS},
        "latest_counts": _sum([row for row in rows if row["release"] == newest], "kind"),
        "totals": _sum(rows, "kind"),
        "sectors": [(str(sector), _sum(rows, "sector").get(sector, 0)) for sector in SECTORS],
        "by_month": _by_month(rows, published),
        "proofs": proofs,
        "proven": proven,
        "programme": PROGRAMME,
        "monthly": MONTHLY,
    }


def _sum(rows: Sequence[Json], by: str) -> Counter[str]:
    total: Counter[str] = Counter()
    for row in rows:
        total[row.get(by) or ""] += row["count"]
    return total


def _by_month(rows: Sequence[Json], published: Sequence[Json]) -> list[Json]:
    """Of each published month, the first first, how many of each kind are visible."""
    return [
        {"month": release["month"], **_sum([row for row in rows if row["release"] == release["month"]], "kind")}
        for release in reversed(published)
    ]


def _filters(wish: Wish, partners: Sequence[tuple[str, Json]], published: dict[str, datetime]) -> list[Json]:
    return [
        {"name": "q", "label": _("Search"), "value": wish.q},
        {"name": "kind", "label": _("Kind"), "value": wish.kind, "options": [(kind, word(kind)) for kind in KINDS]},
        {"name": "sector", "label": _("Sector"), "value": wish.sector, "options": [(s, word(s)) for s in SECTORS]},
        {
            "name": "district",
            "label": _("District"),
            "value": wish.district,
            "options": [(district, word(district)) for district in District],
        },
        {
            "name": "release",
            "label": _("Release"),
            "value": wish.release,
            "options": [(release, month(release)) for release in published],
        },
        {
            "name": "stage",
            "label": _("Linkage stage"),
            "value": wish.stage,
            "options": [(stage, word(stage)) for stage in Stage],
        },
        {
            "name": "partner",
            "label": _("Partner"),
            "value": wish.partner,
            "options": sorted(((code, say(name)) for code, name in partners), key=lambda option: option[1]),
        },
    ]


def _named(entry: Json) -> list[str]:
    """The scene and the product that a linkage names."""
    return [entry["scene"], entry["product"]] if entry["kind"] == "linkage" else []


def _editions(events: Sequence[Event]) -> list[Edition]:
    return [
        Edition(event.data.edition, event.data.entry.model_dump(mode="json", exclude={"contact"}), event.time)
        for event in events
        if isinstance(event.data, EntryPublished | EntryCorrected)
    ]


def _history(events: Sequence[Event]) -> list[Json]:
    """What the public may know of an entry's past, the latest first."""
    told = []
    for event in events:
        match event.data:
            case EntryPublished(release=release):
                told.append(_published(release, event.time))
            case EntryCorrected(edition=number):
                told.append({"title": _("Corrected: edition %(number)s") % {"number": number}, "at": event.time})
            case EntryRetracted(reason=reason):
                told.append({"title": word("retracted"), "at": event.time, "text": reason})
            case _:
                pass
    return told[::-1]


def _published(release: str, at: datetime) -> Json:
    return {"title": _("Published in the release of %(month)s") % {"month": month(release)}, "at": at}
