"""Runs in one environment: sends requests to one variant in this process and prints what they cost.

``subject.py VARIANT URL FOLDER REQUESTS ROUTES PACE``: PACE is ``paced``, with a pause every
twenty requests in which exporters and writers get their turn, or ``tight``; or ``turns``: a few
requests at each line that is read, and what they cost as the answer.
"""

import asyncio
import sys
import time
from pathlib import Path

from fastapi import APIRouter, FastAPI
from variants import VARIANTS, say  # beside this file

WARMUP = 200
BURST = 20
PAUSE_S = 0.002


def application(routes: int) -> FastAPI:
    """Return an application with *routes* routes in an included router; the last one is called."""
    app = FastAPI()
    router = APIRouter(prefix="/api")

    async def item(item: int) -> dict[str, int]:
        return {"item": item}

    for number in range(1, routes):
        router.add_api_route(f"/other{number}/{{item}}", item)
    router.add_api_route("/items/{item}", item)
    app.include_router(router)
    return app


async def send(app, count: int, *, paced: bool) -> None:
    """Call *app* *count* times as a server would."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/api/items/7",
        "raw_path": b"/api/items/7",
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"bench"),
            (b"accept", b"*/*"),
            (b"accept-encoding", b"gzip, deflate"),
            (b"connection", b"keep-alive"),
            (b"user-agent", b"bench/1"),
        ],
        "client": ("127.0.0.1", 40000),
        "server": ("127.0.0.1", 80),
    }

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    status = 0

    async def discard(message):
        nonlocal status
        status = message.get("status", status)

    for number in range(count):
        await app(dict(scope), receive, discard)
        if paced and number % BURST == 0:
            await asyncio.sleep(PAUSE_S)
    if status != 200:
        message = f"the application answered {status}"
        raise RuntimeError(message)


def take_turns(app, flush) -> None:
    """Send a burst at each line that is read; the first thing said is that it can begin, the last how many."""
    sent = WARMUP
    with asyncio.Runner() as runner:
        runner.run(send(app, WARMUP, paced=True))
        say({})
        for _ in sys.stdin:
            began = time.thread_time()
            runner.run(send(app, BURST, paced=False))
            say({"cpu_us": (time.thread_time() - began) / BURST * 1e6})
            sent += BURST
    flush()
    say({"sent": sent})


def main() -> None:
    """Measure one variant; the CPU time of all threads, and that of the export, are in it."""
    name, url, folder, requests, routes, pace = sys.argv[1:]
    count, paced = int(requests), pace == "paced"
    app = application(int(routes))
    flush = VARIANTS[name].install(app, url, Path(folder))
    if pace == "turns":
        take_turns(app, flush)
        return
    asyncio.run(send(app, WARMUP, paced=True))
    flush()
    cpu, wall = time.process_time(), time.perf_counter()
    asyncio.run(send(app, count, paced=paced))
    answered = time.perf_counter() - wall
    flush()
    cpu = time.process_time() - cpu
    say({"cpu_us": cpu / count * 1e6, "wall_us": answered / count * 1e6, "sent": count + WARMUP})


if __name__ == "__main__":
    main()
