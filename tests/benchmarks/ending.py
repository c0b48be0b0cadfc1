"""How long a process takes to end while its collector takes everything and answers nothing."""

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from inprocess import run_child  # beside this file
from sink import collector
from variants import VARIANTS, say

REQUESTS = 100
NAMES = ("bare", "obskit", "contrib", "native", "hand-wired")


def child() -> None:
    """Send a few requests, then shut down as a service does at SIGTERM."""
    import subject

    name, url, folder = sys.argv[1:]
    app = subject.application(1)
    VARIANTS[name].install(app, url, Path(folder))
    asyncio.run(subject.send(app, REQUESTS, paced=True))
    began = time.perf_counter()
    if name == "obskit":
        import obskit

        obskit.shutdown()
    elif name != "bare":
        from opentelemetry import trace

        trace.get_tracer_provider().shutdown()
    say({"s": round(time.perf_counter() - began, 2)})


def measure(names: Sequence[str]) -> dict[str, float]:
    """Return the seconds of each shutdown."""
    seconds = {}
    for name in names:
        with collector(answers=False) as sink, tempfile.TemporaryDirectory() as folder:
            seconds[name] = run_child(VARIANTS[name].env, Path(__file__), name, sink.url, folder)["s"]
    return seconds


if __name__ == "__main__":
    child()
