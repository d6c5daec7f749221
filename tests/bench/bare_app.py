"""The least that an api can be: FastAPI under uvicorn. `python -m tests.bench.bare_app PORT`."""

import sys

import uvicorn
from fastapi import FastAPI


def app() -> FastAPI:
    bare = FastAPI()

    @bare.get("/readyz")
    async def readyz() -> bool:
        return True

    return bare


if __name__ == "__main__":
    uvicorn.run(app(), host="127.0.0.1", port=int(sys.argv[1]), log_config=None, access_log=False)
