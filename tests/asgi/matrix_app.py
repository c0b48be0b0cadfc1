"""The application of the behaviour matrix, served by real uvicorn: one route a kind of request."""

import asyncio
import os
import time
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, HTTPException, Request, WebSocket
from fastapi.responses import StreamingResponse
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.staticfiles import StaticFiles

import obskit

obskit.init(service="matrix", version="1", log_format="none")
app = FastAPI()
sub = FastAPI()
router = APIRouter(prefix="/v1")
nested = APIRouter(prefix="/users/{uid}")


def sync_dependency():
    obskit.bind(from_sync="yes")
    obskit.get_logger("matrix").info("dependency.ran")


async def async_dependency():
    obskit.bind(from_async="yes")


@app.get("/plain/{item}")
async def plain(item: str):
    return {"item": item}


@app.get("/sync/{item}", dependencies=[Depends(sync_dependency), Depends(async_dependency)])
def sync(item: int):
    obskit.get_logger("matrix").info("item.seen")
    return item


@app.get("/broken")
async def broken():
    raise KeyError("price")


@app.get("/unavailable")
async def unavailable():
    raise HTTPException(503, "no stock service")


@app.get("/stream")
async def stream():
    async def chunks():
        for _ in range(5):
            await asyncio.sleep(0.1)
            yield b"x" * 10

    return StreamingResponse(chunks())


@app.get("/events")
async def events():
    async def lines():
        for number in range(3):
            yield f"data: {number}\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream")


@app.get("/cut")
async def cut():
    async def chunks():
        yield b"x"
        await asyncio.sleep(0.05)
        raise ValueError("half way")

    return StreamingResponse(chunks())


@app.get("/endless")
async def endless():
    async def chunks():
        while True:
            yield b"x" * 1000
            await asyncio.sleep(0.02)

    return StreamingResponse(chunks())


@app.get("/slow")
async def slow():
    await asyncio.sleep(1)
    return "nobody is there"


@app.get("/slow-sync")
def slow_sync():
    time.sleep(1)
    return "nobody is there"


@app.get("/background")
async def background(tasks: BackgroundTasks):
    tasks.add_task(asyncio.sleep, 0.4)
    return "sent"


@app.get("/background-failed")
async def background_failed(tasks: BackgroundTasks):
    def fails():
        raise RuntimeError("after the answer")

    tasks.add_task(fails)
    return "sent"


@app.post("/upload")
async def upload(request: Request):
    return len(await request.body())


@app.get("/large")
async def large():
    return StreamingResponse(iter([b"x" * 100_000] * 10))


@app.get("/typed/{number}")
async def typed(number: Annotated[int, Depends(lambda number: number)], page: int):
    return number + page


@nested.get("/posts/{pid}")
async def posts(uid: int, pid: int):
    return [uid, pid]


@sub.get("/things/{tid}")
async def things(tid: int):
    return tid


@sub.websocket("/ws/{room}")
async def in_sub(websocket: WebSocket, room: str):
    await websocket.accept()
    await websocket.close(4001)


@app.websocket("/ws/{room}")
async def talk(websocket: WebSocket, room: str):
    if room == "refused":
        await websocket.close(1008)
        return
    await websocket.accept()
    async for text in websocket.iter_text():
        if text == "break":
            raise LookupError("room")
        await websocket.send_text(text)


router.include_router(nested)
app.include_router(router)
app.mount("/sub/{tenant}", obskit.instrument(sub))
app.mount("/static", StaticFiles(directory=Path(__file__).parent), name="static")
obskit.instrument(app)


async def pass_on(request, call_next):
    return await call_next(request)


if os.environ.get("MATRIX_INSIDE"):
    app.add_middleware(BaseHTTPMiddleware, dispatch=pass_on)
outside = BaseHTTPMiddleware(app, dispatch=pass_on)
