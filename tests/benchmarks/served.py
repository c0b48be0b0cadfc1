"""What a variant costs under uvicorn, with a collector behind it and a scraper in front of it.

A child process serves; this one sends over kept connections and scrapes once a second.
Rates are over a few seconds of saturation, so the sender's own CPU time is in them where
there are few cores; the CPU time a request is the server's alone.
"""

import asyncio
import json
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


async def _drive(port: int, path: str, seconds: float, times: list[float]) -> int:
    """Send over one connection for *seconds* and note how long each answer took."""
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
    writer.close()
    return count


async def _scrape(port: int) -> None:
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /metrics HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")
        await reader.read()
        writer.close()
        await asyncio.sleep(1)


async def _load(port: int, path: str, seconds: float) -> tuple[int, list[float]]:
    times: list[float] = []
    scraper = asyncio.create_task(_scrape(port))
    try:
        counts = await asyncio.gather(*(_drive(port, path, seconds, times) for _ in range(CONNECTIONS)))
    finally:
        scraper.cancel()
    return sum(counts), times


async def _one(name: str, sink: Sink, path: str, seconds: float) -> dict[str, float]:
    from envs import python
    from variants import VARIANTS

    with tempfile.TemporaryDirectory() as folder:
        child = await asyncio.create_subprocess_exec(
            *(python(VARIANTS[name].env), __file__, "serve", name, sink.url, folder),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )

        async def ask(word: str = "") -> dict:
            if word:
                child.stdin.write(f"{word}\n".encode())
            return json.loads(await child.stdout.readline())

        try:
            port = (await ask())["port"]
            await _load(port, path, WARMUP_S)
            before = await ask("figures")
            count, times = await _load(port, path, seconds)
            after = await ask("figures")
            child.stdin.write(b"end\n")
            await asyncio.wait_for(child.wait(), 60)
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
    cuts = statistics.quantiles(times, n=100)
    return {
        "requests_s": count / seconds,
        "p50_ms": cuts[49] * 1000,
        "p99_ms": cuts[98] * 1000,
        "cpu_us": (after["cpu_s"] - before["cpu_s"]) / count * 1e6,
        "rss_mb": after["rss_mb"],
    }


def measure(names: Sequence[str], sink: Sink, *, rounds: int, seconds: float, path: str) -> dict:
    """Let *names* take turns; return medians, and the share of ``bare``'s requests that is kept."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            runs[name].append(asyncio.run(_one(name, sink, path, seconds)))
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
    """Return the memory of the server of *name*, in MB, after about *requests* requests."""
    rate = asyncio.run(_one(name, sink, "/api/items/7", 3))
    after = asyncio.run(_one(name, sink, "/api/items/7", requests / rate["requests_s"]))
    return {"after_few_mb": round(rate["rss_mb"], 1), f"after_{requests}_mb": round(after["rss_mb"], 1)}


if __name__ == "__main__":
    serve()
