"""What a lab works with: a folder, processes, counters, and the metrics of this process."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

import obskit
from obskit.catalog import CLIENT_DURATION, DB_DURATION, OTHER, SENT
from obskit.metrics import render
from sample_services.labs.load import Observe
from sample_services.labs.processes import Processes
from sample_services.settings import VERSION

__all__ = ["Bench", "Options"]

_QUERIES = f"{DB_DURATION.name}_count"
_COUNTED = {_QUERIES: "queries", SENT.name: "messages"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How much of a lab is run; None is the lab's own number."""

    rate: float | None = None
    """Calls a second."""
    seconds: float | None = None
    """Seconds of one repetition of one way."""
    repetitions: int = 3
    scale: float = 1.0
    """Size of the data and length of an outage, as a share of what the lab has."""


@dataclass(slots=True)
class Bench:
    """One run of one lab; *counts* is what the lab counts itself, such as ``bytes``."""

    home: Path
    options: Options
    lab: str
    counts: Counter[str] = field(default_factory=Counter)
    processes: Processes = field(init=False)
    telemetry: "obskit.Telemetry" = field(init=False)

    def __post_init__(self) -> None:
        environment = {
            "OBSKIT_HOME": str(self.home),
            "OBSKIT_LOG_DIR": str(self.home / "logs"),
            "OBSKIT_ENVIRONMENT": "lab",
            "OTEL_TRACES_EXPORTER": "none",
            "GATEWAY_AUTH": "optional",
            "GATEWAY_RATE_LIMIT": "1000000/second",
        }
        self.processes = Processes(self.home, environment)
        self.telemetry = obskit.init(
            service="lab", version=VERSION, log_format="none", drain_s=0.0, shutdown_s=0.5
        )

    def size(self, rows: int) -> int:
        """Return how many rows to make where a whole run has *rows*."""
        return max(10, int(rows * self.options.scale))

    def watch(self, way: str) -> Observe:
        """Return what shows each call of *way* on the board, as a call of the client to that template."""
        metrics, template = self.telemetry.metrics, f"{self.lab}: {way}"

        def observe(seconds: float, failure: str) -> None:
            status = "" if failure else "200"
            metrics.histogram(CLIENT_DURATION, OTHER, "lab", template, status, failure).observe(seconds)

        return observe

    async def read(self) -> dict[str, float]:
        """Return every counter as it stands now."""
        cpu_s = self.processes.cpu_s() if self.processes else time.process_time()
        found = {"cpu_s": cpu_s, "queries": 0.0, "messages": 0.0, **self.counts}
        for page in [_own_page(self.telemetry), *await _pages(self.processes.pages)]:
            for name, value in _sums(page):
                found[name] += value
        return found


def _own_page(telemetry: "obskit.Telemetry") -> str:
    return render(telemetry.registry, "")[0].decode()


async def _pages(urls: list[str]) -> list[str]:
    async with httpx.AsyncClient(trust_env=False, timeout=10.0) as client:
        return [(await client.get(url)).text for url in urls]


def _sums(page: str) -> Iterator[tuple[str, float]]:
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name in _COUNTED:
                yield _COUNTED[sample.name], sample.value
