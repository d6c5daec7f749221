"""review: `python -m review api | worker | replay`.

Each process imports what it needs alone: a worker needs no solver and no pages, and starts sooner and smaller for it.
"""

import sys

from runtime.settings import Settings

if __name__ == "__main__":
    match sys.argv[1:]:
        case ["api"]:
            from review.serving import api

            api(Settings.load())
        case ["worker"]:
            from review.working import worker

            worker(Settings.load())
        case ["replay"]:
            from review.working import replay

            replay(Settings.load())
        case _:
            sys.exit("usage: python -m review api | worker | replay")
