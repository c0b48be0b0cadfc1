"""Floods an application with random paths, methods and headers, and prints what that cost."""

import asyncio
import gc
import json
import random
import sys

import psutil
from fastapi import FastAPI
from starlette.routing import Mount

import obskit

WARM_UP = 2000


def application():
    app = FastAPI()
    sub = FastAPI()

    @sub.get("/things/{tid}")
    async def things(tid: str):
        return tid

    @app.get("/items/{item}")
    async def item(item: str):
        return item

    app.router.routes.append(Mount("/sub/{tenant}", sub))
    return obskit.instrument(app)


def scope(chance):
    word = "".join(chance.choices("abcdefghij0123456789", k=12))
    path = chance.choice((f"/{word}", f"/items/{word}", f"/sub/{word}/things/{word}", f"/sub/{word}/{word}"))
    headers = [(b"host", word.encode()), (b"user-agent", word.encode()), (b"x-request-id", word.encode())]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": chance.choice(("GET", "POST", "HEAD", word.upper())),
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": word.encode(),
        "root_path": "",
        "headers": headers,
        "server": ("127.0.0.1", 80),
    }


async def flood(app, chance, count):
    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        await asyncio.sleep(0)  # a server lets its loop turn between requests

    for _ in range(count):
        await app(scope(chance), receive, send)


def main(count):
    obs = obskit.init(service="flood", log_format="none")
    app, chance, process = application(), random.Random(7), psutil.Process()
    asyncio.run(flood(app, chance, WARM_UP))
    gc.collect()
    before = process.memory_info().rss
    asyncio.run(flood(app, chance, count))
    gc.collect()
    routes, series = set(), 0
    for family in obs.registry.collect():
        for sample in family.samples:
            series += 1
            routes.add(sample.labels.get("http_route", "unmatched"))
    grown = process.memory_info().rss - before
    sys.stdout.write(json.dumps({"grown": grown, "series": series, "routes": sorted(routes)}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
