"""Compares what obskit costs with its peers; writes bench.json and the README's table.

``make bench`` measures what fits into five minutes on an idle machine; ``run.py --all``
measures everything, with more rounds and peers; ``run.py request calls`` only these parts.
Variants take turns within one run, so it is their ratios that count: a loaded machine makes
all of them slower. A run in which spans or log lines got lost is an error.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import calls  # beside this file, as are the others
import console
import embedded
import ending
import envs
import importing
import inprocess
import pages
import ready
import served
import table
import turns
from sink import Sink, collector
from variants import VARIANTS

FILE = envs.ROOT / "bench.json"
PEERS = ("contrib", "native", "instrumentator", "starlette-exporter", "hand-wired")
MORE_PEERS = ("contrib, unsampled", "fastapi-vitals", "logfire", "lite-bootstrap")
OURS = tuple(name for name in VARIANTS if name.startswith("obskit"))
ROUTES = (1, 100, 1000)


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured."""

    full: bool
    rounds: int | None

    def of(self, quick: int, full: int) -> int:
        """Return how many rounds: what was asked for, else *full* or *quick*."""
        return self.rounds or (full if self.full else quick)


def request(sink: Sink, scale: Scale) -> dict:
    """CPU added to a request under paced load: the measure of the budgets."""
    names = ("bare", *OURS, *PEERS, *(MORE_PEERS if scale.full else ()))
    return inprocess.measure(names, sink, rounds=scale.of(3, 7), requests=4000 if scale.full else 2000)


def tight(sink: Sink, scale: Scale) -> dict:
    """Wall time added to a request in a tight loop."""
    names = ("bare", "obskit", "contrib", "native", "hand-wired", *(MORE_PEERS[1:] if scale.full else ()))
    return inprocess.measure(names, sink, rounds=scale.of(3, 7), requests=2000, pace="tight")


def routes(_sink: Sink, scale: Scale) -> dict:
    """CPU added to a request to the last of so many routes, on the thread that serves it."""
    names = ("bare", "obskit", *(PEERS if scale.full else ("contrib",)))
    return {
        str(count): turns.measure(names, rounds=scale.of(50, 100), routes=count)
        for count in (ROUTES if scale.full else ROUTES[:2])
    }


def under_uvicorn(sink: Sink, scale: Scale) -> dict:
    """Requests a second and latency under uvicorn."""
    names = ("bare", "obskit", "contrib", *(("native", "hand-wired") if scale.full else ()))
    rounds, seconds = scale.of(2, 5), 8.0 if scale.full else 2.0
    return {
        title: served.measure(names, sink, rounds=rounds, seconds=seconds, path=path)
        for title, path in (("empty route", "/api/items/7"), ("1 ms of CPU work", "/work"))
    }


def black_hole(sink: Sink, scale: Scale) -> dict:
    """Latency, memory and shutdown under uvicorn while the collector takes everything and answers nothing."""
    with collector(answers=False) as silent:
        return served.black_hole(
            "obskit", sink, silent, rounds=scale.of(4, 5), seconds=20.0 if scale.full else 6.0
        )


def each_call(sink: Sink, scale: Scale) -> dict:
    """One log call, span, outbound call, message and query."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in calls.CALLS}
    for _ in range(scale.of(2, 5)):
        for name in calls.CALLS:
            found[name].append(_call(name, sink, 10_000 if scale.full else 3000))
    return {
        name: {unit: round(statistics.median(run[unit] for run in runs), 1) for unit in runs[0]}
        for name, runs in found.items()
    }


def _call(name: str, sink: Sink, count: int) -> dict[str, float]:
    env, kind, _ = calls.CALLS[name]
    sink.arrived()
    with tempfile.TemporaryDirectory() as folder:
        result = inprocess.run_child(env, Path(calls.__file__), name, folder, sink.url, str(count))
        lines = sum(path.read_bytes().count(b"\n") for path in Path(folder).iterdir())
    sent = result.pop("sent")
    arrived, least = (lines, sent) if kind == "lines" else (sink.arrived()["all"], sent * inprocess.ARRIVED)
    if kind and arrived < least:
        message = f"{name}: {arrived} of {sent} {kind} arrived, the run does not count"
        raise RuntimeError(message)
    return result


PARTS: dict[str, Callable[..., dict]] = {
    "request": request,
    "tight": tight,
    "routes": routes,
    "served": under_uvicorn,
    "memory": lambda sink, _scale: served.memory("obskit", sink, requests=1_000_000),
    "black hole": black_hole,
    "calls": each_call,
    "pages": lambda _sink, scale: pages.measure(pages.SIZES if scale.full else pages.SIZES[:2]),
    "shutdown": lambda _sink, scale: ending.measure(ending.NAMES if scale.full else ending.NAMES[:3]),
    "import": lambda _sink, scale: importing.measure(),  # noqa: ARG005 - one interface for all
    "embedded": lambda _sink, scale: embedded.measure(),  # noqa: ARG005 - as above
    "console": lambda _sink, scale: console.measure(scale.of(3, 7)),
    "ready": lambda _sink, scale: ready.measure(scale.of(1, 3)),
}
QUICK = tuple(name for name in PARTS if name not in {"memory", "embedded", "ready"})


def machine() -> dict[str, object]:
    """Describe where this runs."""
    info = Path("/proc/cpuinfo")
    models = [line for line in info.read_text().splitlines() if "model name" in line] if info.exists() else []
    return {
        "cpu": models[0].partition(": ")[2] if models else platform.processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def main() -> int:
    """Measure the parts that are asked for, and write them down."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--all", action="store_true", help="every part, more rounds and peers")
    parser.add_argument("--rounds", type=int, help="default: 1 to 7, as the part needs")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - PARTS.keys():
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    names = asked.parts or (tuple(PARTS) if asked.all else QUICK)
    used = {VARIANTS[name].env for name in ("bare", *PEERS, *(MORE_PEERS if asked.all else ()))}
    envs.build(used | {"loggers"})
    kept = json.loads(FILE.read_text()) if FILE.exists() else {}
    kept = kept if kept.get("machine") == machine() else {}
    result = {"machine": machine(), "parts": kept.get("parts", {}), "versions": kept.get("versions", {})}
    result["versions"] |= {env: envs.versions(env) for env in sorted(used | {"loggers"})}
    with collector() as sink:
        for name in names:
            print(f"measuring: {name}", flush=True)
            began, load = time.monotonic(), os.getloadavg()[0]
            figures = PARTS[name](sink, Scale(asked.all, asked.rounds))
            took = round(time.monotonic() - began)
            result["parts"][name] = {"figures": figures, "load_before": round(load, 1), "took_s": took}
            # After each part, and both: a run that is cut short leaves figures and table that agree.
            FILE.write_text(json.dumps(result, indent=1) + "\n")
            table.write(result)
    print(table.made(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
