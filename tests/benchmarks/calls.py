"""Runs in one environment: one call, again and again, and what it costs in CPU time of all threads.

``calls.py NAME FOLDER URL COUNT``. The log calls write one JSON line with five fields to a
file; a call counts only if all lines are there.
"""

import asyncio
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from variants import say  # beside this file

FIELDS = {"order_id": "o-1843", "sku": "SKU-7", "quantity": 3, "price": 12.5, "customer": "c-77"}
Call = tuple[Callable[[], Any], Callable[[], Any]]
"""What is timed, and what sends and writes what waits."""


def _obskit(folder: Path, url: str, **options: Any):
    import obskit

    return obskit.init(service="bench", log_dir=folder, log_format="none", otlp_endpoint=url, **options)


def log_obskit(folder: Path, url: str) -> Call:
    import obskit

    obs = _obskit(folder, url)
    log = obskit.get_logger("bench")
    return lambda: log.info("order.created", **FIELDS), obs.flush


def log_structlog(folder: Path, _url: str) -> Call:
    import structlog

    stream = (folder / "structlog.jsonl").open("a")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=True,
    )
    log = structlog.get_logger()
    return lambda: log.info("order.created", **FIELDS), stream.flush


def log_loguru(folder: Path, _url: str) -> Call:
    from loguru import logger

    logger.remove()
    logger.add(folder / "loguru.jsonl", serialize=True)
    return lambda: logger.bind(**FIELDS).info("order.created"), logger.complete


def log_stdlib(folder: Path, _url: str) -> Call:
    from pythonjsonlogger.json import JsonFormatter

    handler = logging.FileHandler(folder / "stdlib.jsonl")
    handler.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    log = logging.getLogger("bench")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    return lambda: log.info("order.created", extra=FIELDS), handler.flush


def span_obskit(folder: Path, url: str) -> Call:
    import obskit

    obs = _obskit(folder, url)

    def call() -> None:
        with obskit.span("price", sku="SKU-7", quantity=3):
            pass

    return call, obs.flush


def span_sdk(_folder: Path, url: str) -> Call:
    from variants import _otel_provider

    provider = _otel_provider(url)
    tracer = provider.get_tracer("bench")

    def call() -> None:
        with tracer.start_as_current_span("price", attributes={"sku": "SKU-7", "quantity": 3}):
            pass

    return call, provider.force_flush


def _outbound(client) -> Callable[[], Any]:
    return lambda: client.get("http://stock/items/7", extensions={"url_template": "/items/{item}"})


def _client():
    import httpx

    return httpx.Client(transport=httpx.MockTransport(lambda _request: httpx.Response(200, json={})))


def outbound_bare(_folder: Path, _url: str) -> Call:
    return _outbound(_client()), lambda: None


def outbound_obskit(folder: Path, url: str) -> Call:
    import obskit

    obs = _obskit(folder, url)
    return _outbound(obskit.instrument(_client())), obs.flush


def message_obskit(folder: Path, url: str) -> Call:
    import obskit
    from obskit.messaging import Message

    obs = _obskit(folder, url)

    def call() -> None:
        with obskit.consume(Message(system="nats", headers={}), destination="orders.created"):
            pass

    return call, obs.flush


def _query(engine) -> Callable[[], Any]:
    from sqlalchemy import text

    connection, statement = engine.connect(), text("SELECT 1")
    return lambda: connection.execute(statement).scalar()


def query_bare(_folder: Path, _url: str) -> Call:
    from sqlalchemy import create_engine

    return _query(create_engine("sqlite://")), lambda: None


def query_obskit(folder: Path, url: str) -> Call:
    from sqlalchemy import create_engine

    import obskit

    obs = _obskit(folder, url)
    return _query(obskit.instrument(create_engine("sqlite://"))), obs.flush


CALLS: dict[str, tuple[str, str, Callable[[Path, str], Call]]] = {
    "log call, obskit": ("obskit", "lines", log_obskit),
    "log call, structlog": ("loggers", "lines", log_structlog),
    "log call, loguru": ("loggers", "lines", log_loguru),
    "log call, stdlib + python-json-logger": ("loggers", "lines", log_stdlib),
    "span, obskit": ("obskit", "spans", span_obskit),
    "span, OpenTelemetry SDK": ("native", "spans", span_sdk),
    "outbound call, httpx alone": ("obskit", "", outbound_bare),
    "outbound call, obskit": ("obskit", "spans", outbound_obskit),
    "message handled, obskit": ("obskit", "spans", message_obskit),
    "query, SQLAlchemy alone": ("obskit", "", query_bare),
    "query, obskit": ("obskit", "", query_obskit),
}
BURST = 50
PAUSE_S = 0.002


async def _repeat(call: Callable[[], Any], count: int) -> float:
    """Call *count* times in bursts; return the wall seconds of the calls, without the pauses."""
    spent = 0.0
    for _ in range(count // BURST):
        began = time.perf_counter()
        for _ in range(BURST):
            call()
        spent += time.perf_counter() - began
        await asyncio.sleep(PAUSE_S)
    return spent


def main() -> None:
    """Measure one kind of call."""
    name, folder, url, number = sys.argv[1:]
    count = int(number) // BURST * BURST
    call, flush = CALLS[name][2](Path(folder), url)
    asyncio.run(_repeat(call, BURST))
    flush()
    cpu = time.process_time()
    wall = asyncio.run(_repeat(call, count))
    flush()
    cpu = time.process_time() - cpu
    say({"cpu_us": cpu / count * 1e6, "wall_us": wall / count * 1e6, "sent": count + BURST})


if __name__ == "__main__":
    main()
