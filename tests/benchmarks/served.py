"""What a variant costs under uvicorn, with a collector behind it and a scraper in front of it.

A child process serves; this one sends over kept connections and scrapes once a second.
Rates are over a few seconds of saturation, so the sender's own CPU time is in them where
there are few cores; the CPU time a request is the server's alone. A run counts only if the
spans and the lines of its requests arrived.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from sink import Sink  # beside this file

CONNECTIONS = 8
WARMUP_S = 0.5
PAUSE_S = 0.05
"""Between two requests of a connection where the load is light: some 150 requests a second."""
ALL_LINES = {"OBSKIT_LOG_BACKUPS": "1000"}
"""No line is rotated away before it was counted."""
_REQUEST = b"GET %b HTTP/1.1\r\nhost: bench\r\nuser-agent: bench/1\r\n\r\n"


def serve() -> None:
    """Serve one variant until stdin says the end; print the port, then the CPU time at each line asked."""
    import uvicorn
    from subject import application
    from variants import VARIANTS, say

    name, url, folder = sys.argv[2:]
    app = application(1)

    @app.get("/work")
    async def work() -> dict[str, int]:
        until = time.thread_time() + 0.001
        while time.thread_time() < until:
            pass
        return {"worked": 1}

    flush = VARIANTS[name].install(app, url, Path(folder))
    server = uvicorn.Server(uvicorn.Config(app, port=0, access_log=False, log_level="warning"))

    def control() -> None:
        while not server.started:
            time.sleep(0.01)
        say({"port": server.servers[0].sockets[0].getsockname()[1]})
        for line in sys.stdin:
            if line.strip() == "end":
                break
            flush()
            say({"cpu_s": time.process_time(), "rss_mb": _rss_mb()})
        server.should_exit = True

    threading.Thread(target=control, daemon=True).start()
    server.run()


def _rss_mb() -> float:
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    return next(int(line.split()[1]) / 1024 for line in status.read_text().splitlines() if "VmRSS" in line)


async def _drive(port: int, path: str, seconds: float, times: list[float], pause_s: float) -> int:
    """Send over one connection for *seconds*, note how long each answer took, and pause after it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request, count = _REQUEST % path.encode(), 0
    until = time.perf_counter() + seconds
    while (began := time.perf_counter()) < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        times.append(time.perf_counter() - began)
        count += 1
        if pause_s:
            await asyncio.sleep(pause_s)
    writer.close()
    return count


async def _scrape(port: int) -> None:
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /metrics HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")
        await reader.read()
        writer.close()
        await asyncio.sleep(1)


async def _load(port: int, path: str, seconds: float, pause_s: float) -> tuple[int, list[float]]:
    times: list[float] = []
    scraper = asyncio.create_task(_scrape(port))
    try:
        drivers = (_drive(port, path, seconds, times, pause_s) for _ in range(CONNECTIONS))
        counts = await asyncio.gather(*drivers)
    finally:
        scraper.cancel()
    return sum(counts), times


async def _one(name: str, url: str, path: str, seconds: float, pause_s: float = 0.0) -> dict[str, float]:
    """Serve and load one variant; ``sent`` and ``lines`` are what must have arrived and what was written."""
    from envs import python
    from inprocess import lines_in
    from variants import VARIANTS

    with tempfile.TemporaryDirectory() as folder:
        child = await asyncio.create_subprocess_exec(
            *(python(VARIANTS[name].env), __file__, "serve", name, url, folder),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | ALL_LINES,
        )

        async def ask(word: str = "") -> dict:
            if word:
                child.stdin.write(f"{word}\n".encode())
            return json.loads(await child.stdout.readline())

        try:
            port = (await ask())["port"]
            warm, _ = await _load(port, path, WARMUP_S, pause_s)
            before = await ask("figures")
            count, times = await _load(port, path, seconds, pause_s)
            after = await ask("figures")
            child.stdin.write(b"end\n")
            ending = time.perf_counter()
            await asyncio.wait_for(child.wait(), 60)
            ended_s = time.perf_counter() - ending
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        lines = lines_in(Path(folder))
    cuts = statistics.quantiles(times, n=100)
    return {
        "requests_s": count / seconds,
        "p50_ms": cuts[49] * 1000,
        "p99_ms": cuts[98] * 1000,
        "cpu_us": (after["cpu_s"] - before["cpu_s"]) / count * 1e6,
        "rss_mb": after["rss_mb"],
        "ended_s": ended_s,
        "sent": count + warm,
        "lines": lines,
    }


def one(name: str, sink: Sink, path: str, seconds: float) -> dict[str, float]:
    """Serve and load one variant; it counts only if what it promises arrived.

    Raises:
        RuntimeError: spans or lines are missing.
    """
    from inprocess import check_arrived  # not in the child, which runs in a peer's environment

    sink.arrived()
    run = asyncio.run(_one(name, sink.url, path, seconds))
    check_arrived(name, sent=run.pop("sent"), lines=run.pop("lines"), spans=sink.arrived())
    return run


def measure(names: Sequence[str], sink: Sink, *, rounds: int, seconds: float, path: str) -> dict:
    """Let *names* take turns; return medians, and the share of ``bare``'s requests that is kept."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            runs[name].append(one(name, sink, path, seconds))
    medians = {
        name: {unit: round(statistics.median(run[unit] for run in each), 2) for unit in each[0]}
        for name, each in runs.items()
    }
    bare = medians["bare"]
    for each in medians.values():
        each["kept"] = round(each["requests_s"] / bare["requests_s"], 3)
        each["added_p50_ms"] = round(each["p50_ms"] - bare["p50_ms"], 2)
        each["added_p99_ms"] = round(each["p99_ms"] - bare["p99_ms"], 2)
        each["added_cpu_us"] = round(each["cpu_us"] - bare["cpu_us"], 1)
    return medians


def memory(name: str, sink: Sink, *, requests: int) -> dict[str, float]:
    """Return the memory of the server of *name*, in MB, by how many requests it has answered: few, and *requests*."""
    few_s = 3.0
    few = one(name, sink, "/api/items/7", few_s)
    many_s = requests / few["requests_s"]
    runs = ((few, few_s), (one(name, sink, "/api/items/7", many_s), many_s))
    return {str(round(run["requests_s"] * seconds)): round(run["rss_mb"], 1) for run, seconds in runs}


def black_hole(name: str, healthy: Sink, silent: Sink, *, rounds: int, seconds: float) -> dict:
    """Return what changes for *name*, under a load it carries easily, when its collector answers nothing."""
    runs: dict[str, list[dict[str, float]]] = {"healthy": [], "black-holed": []}
    for _ in range(rounds):
        for state, sink in (("healthy", healthy), ("black-holed", silent)):
            runs[state].append(asyncio.run(_one(name, sink.url, "/work", seconds, PAUSE_S)))
    units = ("p50_ms", "p99_ms", "rss_mb", "ended_s")
    figures: dict = {
        state: {unit: round(statistics.median(run[unit] for run in each), 2) for unit in units}
        for state, each in runs.items()
    }
    well, ill = figures["healthy"], figures["black-holed"]
    figures["p50_ratio"] = round(ill["p50_ms"] / well["p50_ms"], 3)
    figures["p99_ratio"] = round(ill["p99_ms"] / well["p99_ms"], 3)
    figures["rss_added_mb"] = round(ill["rss_mb"] - well["rss_mb"], 1)
    return figures


if __name__ == "__main__":
    serve()
