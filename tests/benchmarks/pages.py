"""How long a /metrics page takes to make, by its series, with one worker and with four."""

import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from inprocess import run_child  # beside this file

SIZES = (10, 1_000, 10_000)
WORKERS = (1, 4)
SHELVES = 1_000
"""Series of one metric."""
TIMES = 5


def child() -> None:
    """Make the page of a registry with some series, and with those of other workers beside it."""
    from multiprocessing import get_context

    from prometheus_client import Counter
    from variants import say

    import obskit
    from obskit.metrics import render

    series, workers = int(sys.argv[2]), int(sys.argv[3])

    def fill() -> "obskit.Telemetry":
        obs = obskit.init(service="bench", log_format="none")
        # Within the cap of each metric: what is beyond it would be counted together.
        for first in range(0, series, SHELVES):
            counter = Counter(f"bench_items_{first}_total", "Items.", ["shelf"], registry=obs.registry)
            for number in range(min(series, SHELVES)):
                counter.labels(f"shelf {number}").inc()
        return obs

    def work(ready, end) -> None:
        fill()
        ready.set()
        end.wait()

    context = get_context("fork")
    end = context.Event()
    others = []
    for _ in range(workers - 1):
        ready = context.Event()
        others.append(context.Process(target=work, args=(ready, end), daemon=True))
        others[-1].start()
        ready.wait()
    obs = fill()
    times = []
    for _ in range(TIMES):
        began = time.perf_counter()
        page, _ = render(obs.metrics.registry, "text/plain")
        times.append((time.perf_counter() - began) * 1000)
    end.set()
    for other in others:
        other.join()
    say({"ms": round(statistics.median(times), 2), "bytes": len(page)})


def measure(sizes: Sequence[int]) -> dict[str, dict[str, float]]:
    """Return milliseconds and bytes of the page of each size."""
    return {
        f"{size} series, {workers} worker{'s' * (workers > 1)}": run_child(
            "obskit", Path(__file__), "child", str(size), str(workers)
        )
        for size in sizes
        for workers in WORKERS
    }


if __name__ == "__main__":
    child()
