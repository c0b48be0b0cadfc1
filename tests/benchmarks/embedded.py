"""Measures the embedded store: lines and spans in, queries as it grows, and its memory.

``make bench`` runs it; ``python tests/benchmarks/embedded.py`` runs it alone. The store is a process of its
own on loopback, as ``obskit up`` starts it; what sends and asks is this process, on the same cores.
"""

import itertools
import json
import os
import random
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

SIZES = (10_000, 100_000, 1_000_000)
PUSHED = 100_000
SPANS = 50_000
ROUNDS = 5
BUDGETS = {"tail_lines_s": 20_000, "push_lines_s": 20_000, "filter_1000000_s": 1.0, "pss_mb": 300}
"""The first two are the least, the others the most."""

START_NS = 1_795_305_600_000_000_000
SERVICES = ("gateway", "orders", "inventory", "payments")
RARE = "c0ffee"
QUERIES = {
    "filter": f'{{service_name="orders"}} |= "{RARE}"',
    "filter_all": f'{{service_name=~".+"}} |= "{RARE}"',
    "newest": '{service_name="orders", level="error"}',
    "json": '{service_name="orders", level="error"} | json | status = 503',
    "count": 'sum by (level) (count_over_time({service_name="orders"}[1m]))',
}


@dataclass
class Running:
    """The store as a process."""

    home: Path
    ports: dict[str, int]
    process: psutil.Process
    client: httpx.Client

    def count(self) -> int:
        """Return how many lines arrived."""
        path = self.home / "data" / "logs.db"
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            return connection.execute("SELECT coalesce(sum(lines), 0) FROM arrivals").fetchone()[0]

    def pss_mb(self) -> float:
        """Return its memory, shared pages by their share, in MB."""
        return self.process.memory_full_info().pss / 1e6


def measure() -> dict[str, Any]:
    """Return the figures of one run."""
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "logs").mkdir()
        with running(root) as store, peak_of(store) as peak:
            figures["pss_empty_mb"] = store.pss_mb()
            figures |= _growth(store, root / "logs")
            figures["four_counts_s"] = _together(store)
            figures["push_lines_s"] = _push(store)
            figures |= _traces(store)
        figures["pss_mb"] = max(peak)
    return {name: round(value, 4) for name, value in figures.items()}


def report(figures: dict[str, Any]) -> bool:
    """Print *figures* beside their budgets; return whether all are met."""
    met = True
    print(f"\n{'embedded store':<24}{'measured':>14}{'budget':>12}")
    for name, value in figures.items():
        budget = BUDGETS.get(name)
        is_met = budget is None or (value >= budget if name.endswith("lines_s") else value <= budget)
        met &= is_met
        print(
            f"{name:<24}{value:>14,.4g}{'' if budget is None else f'{budget:,}':>12}{'' if is_met else '  missed'}"
        )
    return met


@contextmanager
def running(root: Path) -> Iterator[Running]:
    """Run the store on free ports, following ``logs`` below *root*."""
    ports = {name: _free_port() for name in ("loki", "tempo", "otlp")}
    arguments = ["--home", str(root / "home"), "--log-dir", str(root / "logs"), "--keep-mb", "20000"]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "obskit.embedded", *arguments),
            *(f"--{name}-port={port}" for name, port in ports.items()),
        ],
        env={**os.environ, "OBSKIT_LOG_LEVEL": "warning"},
    )
    try:
        with httpx.Client(timeout=60, trust_env=False) as client:
            store = Running(root / "home", ports, psutil.Process(process.pid), client)
            wait(lambda: _answers(client, ports["tempo"]))
            yield store
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def peak_of(store: Running) -> Iterator[list[float]]:
    """Measure the memory of *store* again and again, for as long as the block runs."""
    found: list[float] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.1):
            found.append(store.pss_mb())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def _together(store: Running) -> float:
    """Count a quarter of all lines four times at once; as many queries as the store answers at once."""
    began = time.perf_counter()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: _ask(store, QUERIES["count"]), range(4)))
    return time.perf_counter() - began


def _answers(client: httpx.Client, port: int) -> bool:
    try:
        return client.get(f"http://127.0.0.1:{port}/ready").status_code == 200
    except httpx.TransportError:
        return False


def wait(holds: Callable[[], bool]) -> None:
    """Wait until *holds*, for ten minutes at most: a machine may be busy."""
    deadline = time.monotonic() + 600
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.02)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def lines(count: int, first: int = 0) -> Iterator[tuple[str, str, int, str]]:
    """Yield service, level, time and text of log lines as obskit writes them; one in 20 000 is rare."""
    chance = random.Random(first)
    for number in range(first, first + count):
        service = SERVICES[number % len(SERVICES)]
        level = "error" if number % 49 == 0 else "info"
        micros = number * 500
        stamp = f"2026-11-22T{micros // 3_600_000_000:02}:{micros // 60_000_000 % 60:02}:{micros // 1_000_000 % 60:02}.{micros % 1_000_000:06}Z"
        trace = f"{chance.getrandbits(128):032x}"
        mark = RARE if number % 20_001 == 1 else "none"
        text = (
            f'{{"timestamp":"{stamp}","level":"{level}","event":"http.request","service":"{service}",'
            f'"environment":"demo","version":"1.4","logger":"obskit.access","trace_id":"{trace}",'
            f'"span_id":"{trace[:16]}","request_id":"{trace[:12]}","method":"POST","route":"/orders/{{id}}",'
            f'"path":"/orders/{number}","status":{503 if level == "error" else 201},'
            f'"duration_ms":{number % 997 / 10},"mark":"{mark}"}}'
        )
        yield service, level, START_NS + micros * 1000, text


def _growth(store: Running, folder: Path) -> dict[str, float]:
    figures: dict[str, float] = {}
    written = 0
    for size in SIZES:
        path = folder / f"orders.{size}.jsonl"
        hidden = folder / f"{size}.tmp"
        with hidden.open("w") as file:
            file.writelines(f"{text}\n" for *_, text in lines(size - written, written))
        began = time.perf_counter()
        hidden.rename(path)
        wait(lambda size=size: store.count() >= size)
        figures["tail_lines_s"] = (size - written) / (time.perf_counter() - began)
        figures[f"tail_{size}_lines_s"] = figures["tail_lines_s"]
        written = size
        for name, query in QUERIES.items():
            figures[f"{name}_{size}_s"] = _timed(lambda query=query: _ask(store, query))
    return figures


def _ask(store: Running, query: str) -> None:
    asked = {"query": query, "start": START_NS, "end": START_NS + 3_600 * 10**9, "limit": 1000, "step": 60}
    answer = store.client.get(f"http://127.0.0.1:{store.ports['loki']}/loki/api/v1/query_range", params=asked)
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["result"] or RARE in query, query


def _timed(work: Callable[[], None]) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def _push(store: Running) -> float:
    bodies = []
    made = lines(PUSHED, 2_000_000)
    while batch := list(itertools.islice(made, 1000)):
        streams: dict[tuple[str, str], list[list[str]]] = {}
        for service, level, ts, text in batch:
            streams.setdefault((service, level), []).append([str(ts), text])
        bodies.append(
            json.dumps(
                {
                    "streams": [
                        {"stream": {"service_name": service, "level": level}, "values": values}
                        for (service, level), values in streams.items()
                    ]
                }
            )
        )
    before = store.count()
    began = time.perf_counter()
    for body in bodies:
        answer = store.client.post(
            f"http://127.0.0.1:{store.ports['loki']}/loki/api/v1/push",
            content=body,
            headers={"content-type": "application/json"},
        )
        assert answer.status_code == 204, answer.text
    took = time.perf_counter() - began
    assert store.count() - before == PUSHED
    return PUSHED / took


def _traces(store: Running) -> dict[str, float]:
    bodies = [json.dumps({"resourceSpans": _batch(first)}) for first in range(0, SPANS, 500)]
    began = time.perf_counter()
    for body in bodies:
        answer = store.client.post(
            f"http://127.0.0.1:{store.ports['otlp']}/v1/traces",
            content=body,
            headers={"content-type": "application/json"},
        )
        assert answer.status_code == 200, answer.text
    figures = {"spans_s": SPANS / (time.perf_counter() - began)}
    for name, query in {
        "search_selective": '{ span.order = "order-77" }',
        "search_error": '{ status = error && resource.service.name = "orders" }',
        "search_scan": "{ span.order = span.url.path }",
    }.items():
        figures[f"{name}_s"] = _timed(lambda query=query: _search(store, query))
    return figures


def _search(store: Running, query: str) -> None:
    answer = store.client.get(
        f"http://127.0.0.1:{store.ports['tempo']}/api/search", params={"q": query, "limit": 20}
    )
    assert answer.status_code == 200, answer.text


def _batch(first: int) -> list[dict[str, Any]]:
    spans: dict[str, list[dict[str, Any]]] = {}
    for number in range(first, first + 500):
        trace, place = divmod(number, 5)
        start = START_NS + number * 1_000_000
        spans.setdefault(SERVICES[place % 4], []).append(
            {
                "traceId": f"{trace + 1:032x}",
                "spanId": f"{number + 1:016x}",
                "parentSpanId": f"{number:016x}" if place else "",
                "name": f"POST /orders/{place}",
                "kind": 2 + place % 2,
                "startTimeUnixNano": str(start),
                "endTimeUnixNano": str(start + 4_000_000),
                "status": {"code": 2} if number % 97 == 0 else {},
                "attributes": [
                    {"key": "http.request.method", "value": {"stringValue": "POST"}},
                    {"key": "http.route", "value": {"stringValue": "/orders/{id}"}},
                    {"key": "http.response.status_code", "value": {"intValue": "201"}},
                    {"key": "url.path", "value": {"stringValue": f"/orders/{trace}"}},
                    {"key": "server.address", "value": {"stringValue": "127.0.0.1"}},
                    {"key": "order", "value": {"stringValue": f"order-{trace}"}},
                ],
            }
        )
    return [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
            "scopeSpans": [{"scope": {"name": "obskit"}, "spans": each}],
        }
        for service, each in spans.items()
    ]


if __name__ == "__main__":
    sys.exit(0 if report(measure()) else 1)
