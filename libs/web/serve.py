"""Serving an application: what every process of ours does alike."""

import uvicorn
from fastapi import FastAPI

#: Longer than clients and balancers keep an idle connection (5 to 60 s): whoever closes first, it must not be us, just
#: as the next request is on its way.
KEEP_ALIVE_S = 75


def serve(app: FastAPI, host: str, port: int, *, ending_s: int) -> None:
    """Serve until SIGTERM or SIGINT; requests that are under way then have `ending_s` seconds. Those who follow events
    do not end by themselves."""
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=ending_s,
    )
