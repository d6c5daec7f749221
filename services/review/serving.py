"""The process that serves reviewers' and operators' pages, and the JSON: `python -m review api`."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError
from starlette.staticfiles import StaticFiles

from review.addresses import Addresses
from review.agents import on_submissions
from review.api import api as api_routes
from review.assignment.api import assignment_api
from review.assignment.pages import assignment_pages
from review.case_page import CasePage
from review.console.neighbours import Neighbours
from review.console.pages import Console
from review.console.pages import routes as console_routes
from review.console.sampling import Sampler
from review.desk import Desk, now
from review.domain import CASES
from review.drafts import Drafts
from review.duplicates.index import Duplicates
from review.pages import pages
from review.planner.pages import routes as planner_routes
from review.planner.plans import Plans
from review.roster import Roster
from review.roster_api import roster_api
from review.roster_pages import roster_pages
from review.snippet_pages import snippet_pages
from review.snippets import Snippets
from review.store import CaseStore, mongo
from review.times import moment
from runtime import telemetry
from runtime.consume import React
from runtime.garbage import collect_less_often
from runtime.operations import Operations, Queue
from runtime.settings import Settings
from runtime.streams import Streams
from schemas import topics
from schemas.envelope import Json
from web.app import create_app
from web.languages import _
from web.operations import operations_routes
from web.serve import serve

HERE = Path(__file__).parent


def api(settings: Settings) -> None:
    """The pages and the JSON."""
    telemetry.set_up("review-api", settings.otlp_endpoint)
    app = api_app(settings)
    collect_less_often()
    # Those who watch the console do not end by themselves.
    serve(app, settings.host, settings.api_port, ending_s=10)


def api_app(settings: Settings) -> FastAPI:
    """The application that `api` serves."""
    client = mongo(settings)
    database = client[settings.database("review")]
    store, duplicates, cases = CaseStore(database), Duplicates(database), Streams(database, CASES)
    roster, drafts, sampler = Roster(database), Drafts(database), Sampler(settings)
    desk, addresses = Desk(cases, store, roster, drafts), Addresses(settings.session_secret)
    snippets = Snippets(database)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await store.create_indexes()
        await duplicates.create_indexes()
        sampler.start()
        await roster.create_indexes()
        await drafts.create_indexes()
        yield
        sampler.stop()
        await client.close()
        telemetry.flush()

    async def ready() -> Mapping[str, bool]:
        try:
            await database.command("ping")
            return {"database": True}
        except PyMongoError:
            return {"database": False}

    async def queues() -> tuple[Queue, ...]:
        return await waiting(store, roster)

    app = create_app("review", settings, HERE / "templates", title="Review", lifespan=lifespan, ready=ready)
    app.include_router(pages(desk, addresses, CasePage(desk, addresses, snippets)))
    app.include_router(snippet_pages(snippets, desk))
    app.include_router(api_routes(desk, addresses))
    app.include_router(roster_pages(desk))
    app.include_router(roster_api(desk))
    app.include_router(assignment_pages(desk, addresses))
    app.include_router(assignment_api(desk, addresses))
    app.include_router(operations_routes(Operations("review", settings, database, reactions, queues)))
    app.include_router(console_routes(Console(sampler, Neighbours(app.state.site.addresses), store.cases, addresses)))
    app.include_router(planner_routes(store.cases, Plans(database), roster))
    app.mount("/review", StaticFiles(directory=HERE / "static"))
    return app


def reactions(database: AsyncDatabase[Json]) -> Mapping[str, React]:
    """What the worker does, by topic."""
    react = on_submissions(Streams(database, CASES), CaseStore(database), Duplicates(database))
    return {topics.SUBMISSIONS: react}


async def waiting(store: CaseStore, roster: Roster) -> tuple[Queue, ...]:
    """The open cases, as operations show them; those for experts apart where too few of these are on the roster."""
    experts = await roster.experts()
    stuck = await store.queue.too_few(experts) if experts else []
    oldest = await store.lists.oldest([case.id for case in stuck])
    age_s = (now() - oldest).total_seconds() if oldest else 0.0
    count = sum(kind.count for kind in await store.lists.waiting()) - len(stuck)
    open_cases = Queue(_("Open cases"), count, age_s, _("Reviewers: see the review desk for how many each case needs."))
    if not stuck:
        return (open_cases,)
    said = _(
        "Nobody, as the roster stands: each waits for more experts than may still review it (experts on the roster: "
        "%(count)s). Mark another reviewer there as an expert: %(roster)s"
    ) % {"count": len(experts), "roster": "/reviewers"}
    stuck_s = (now() - moment(stuck[0].received)).total_seconds()
    return (
        open_cases,
        Queue(_("Experts’ cases that too few may review"), len(stuck), stuck_s, said),
    )
