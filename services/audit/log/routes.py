"""The log as it is served: /log/… Open to everybody, as what it says is hashes.

Whoever asks for the proof of an event by its name must say its time too, as its receipt does: names of streams are
partners' own, and are not to be guessed at here. Auditors need not.
"""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from audit.log.folder import Folder
from audit.log.note import unverified
from audit.log.proof import Proof, paths
from audit.log.store import LogStore
from audit.log.tiles import nodes, parse
from audit.log.tree import inclusion_proof
from runtime.settings import Settings
from schemas.envelope import Json, timestamp
from web.languages import _
from web.openapi import REFERENCE, Responses
from web.people import person
from web.problems import Problem

#: Whoever verifies may do so in a page of their own.
_OPEN = {"Access-Control-Allow-Origin": "*"}
#: A tile never changes once it is there.
FOR_EVER = {**_OPEN, "Cache-Control": "public, max-age=31536000, immutable"}
FRESH = {**_OPEN, "Cache-Control": "no-cache"}
TEXT = "text/plain; charset=utf-8"


def log_routes(settings: Settings, folder: Folder, store: LogStore) -> APIRouter:
    """GET /log/checkpoint, /log/key, /log/keys, /log/tile/…, /log/proof, /log/releases/{month}.

    Plain functions, in threads.
    """
    router = APIRouter(prefix="/log")
    plain, binary = {"schema": {"type": "string"}}, {"schema": {"type": "string", "format": "binary"}}
    absent: Responses = {404: {"description": "It is not there", "content": {"text/plain": plain}}}
    # An address that no path can have is no tile's, and is answered as any other that is not there.
    nowhere = {"text/plain": plain, "application/problem+json": {"schema": {"$ref": REFERENCE.format(model="Problem")}}}
    tile_or_not: Responses = {
        200: {"content": {"application/octet-stream": binary}},
        404: {"description": "It is not there", "content": nowhere},
    }

    @router.get("/checkpoint", response_class=PlainTextResponse, responses=absent)
    def last_checkpoint() -> Response:
        """The log's last checkpoint (c2sp.org/tlog-checkpoint)."""
        note = folder.checkpoint()
        return Response(note, media_type=TEXT, headers=FRESH) if note else _nothing()

    @router.get("/key", response_class=PlainTextResponse, responses=absent)
    def key() -> Response:
        """The log's public key (c2sp.org/signed-note)."""
        found = folder.verifiers()
        return Response(f"{found[0]}\n", media_type=TEXT, headers=FRESH) if found else _nothing()

    @router.get("/keys", response_class=PlainTextResponse, responses=absent)
    def keys() -> Response:
        """The log's public key and, below it, those it had before: what its earlier checkpoints are verified with."""
        text = "".join(f"{each}\n" for each in folder.verifiers())
        return Response(text, media_type=TEXT, headers=FRESH) if text else _nothing()

    @router.get("/tile/{path:path}", response_class=Response, responses=tile_or_not)
    def tile(path: str) -> Response:
        """A tile, or a bundle of entries (c2sp.org/tlog-tiles)."""
        wanted = parse(f"tile/{path}")
        try:
            data = folder.read(wanted) if wanted else None
        except LookupError:
            data = None
        if data is None:
            return _nothing()
        return Response(data, media_type="application/octet-stream", headers=FOR_EVER)

    @router.get("/proof", responses={200: {"content": {"text/plain": plain}}})
    def proof(
        request: Request,
        ref: Annotated[
            str, Query(description="The event's name: a receipt's `event`, or as history has it, `/review/…`.")
        ] = "",
        time: Annotated[
            str, Query(description="The event's time, as a receipt has it. Auditors may leave it out.")
        ] = "",
        leaf: Annotated[int | None, Query(ge=0, description="The number of the leaf, instead of a name.")] = None,
    ) -> Response:
        """That an event is in the log: as JSON or, for `Accept: text/plain`, as c2sp.org/tlog-proof."""
        found = None
        if leaf is None:
            # Receipts name events of submissions, and leave the service out.
            found = store.event(ref if ref.startswith("/") else f"/submissions/{ref}")
            if found is None or not (_knows(time, found["time"]) or _auditor(request)):
                raise Problem(
                    404,
                    "no-such-event",
                    _("There is no such event in the log"),
                    _("Give the event’s name and time just as the receipt has them. New events are there in seconds."),
                )
            leaf = int(found["leaf"])
        elif leaf >= (size := store.recorded()):
            detail = _("The log has %(count)s leaves, numbered from 0.") % {"count": f"{size:,}"}
            raise Problem(404, "no-such-leaf", _("There is no leaf of this number"), detail)
        made = prove(folder, leaf)
        if "text/plain" in request.headers.get("accept", ""):
            return Response(made.text(), media_type=TEXT, headers=FRESH)
        return JSONResponse(_told(made, found), headers=FRESH)

    @router.get("/releases/{month}")
    def release(month: str) -> Response:
        """The first checkpoint that covers a release’s publication, and the proof of it."""
        return JSONResponse(release_checkpoint(folder, store, month), headers=FRESH)

    return router


def prove(folder: Folder, leaf: int) -> Proof:
    """The proof of a leaf in the tree of the last checkpoint. Raises a Problem where it is not yet in one."""
    note = folder.checkpoint()
    head = unverified(note) if note else None
    if note is None or head is None or leaf >= head.size:
        detail = _("It will be in the next checkpoint, in seconds. Ask again then.")
        raise Problem(404, "not-yet-in-a-checkpoint", _("No checkpoint covers it yet"), detail)
    return Proof(leaf, tuple(inclusion_proof(leaf, head.size, nodes(head.size, folder.read))), note)


def release_checkpoint(folder: Folder, store: LogStore, month: str) -> Json:
    """A release's own checkpoint: the first that covers its publication. Raises a Problem where there is none."""
    published = store.published(month)
    covering = store.covering(published["leaf"]) if published else None
    if published is None or covering is None:
        detail = _("A release has a checkpoint some seconds after it was published.")
        raise Problem(404, "no-checkpoint", _("This release has no checkpoint"), detail)
    size = covering["_id"]
    path = inclusion_proof(published["leaf"], size, nodes(size, folder.read))
    told = _told(Proof(published["leaf"], tuple(path), covering["note"]), published)
    return {"release": month, "published": timestamp(published["time"]), "signed": timestamp(covering["signed"])} | told


def _told(proof: Proof, event: Json | None) -> dict[str, Any]:
    head = unverified(proof.checkpoint)
    named = {"event": event["_id"], "hash": bytes(event["hash"]).hex()} if event else {}
    return {
        **named,
        "leaf": proof.index,
        "size": head.size,
        "root": head.root.hex(),
        "path": paths(proof.path),
        "checkpoint": proof.checkpoint,
        "proof": proof.text(),
    }


def _knows(told: str, time: datetime) -> bool:
    """Whether somebody knows an event's time."""
    return told == timestamp(time)


def _auditor(request: Request) -> bool:
    me = person(request)
    return me is not None and "auditor" in me.roles


def _nothing() -> Response:
    return PlainTextResponse("not found\n", 404, headers=FRESH)
