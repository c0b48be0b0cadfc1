"""How long ``import obskit`` takes, beside the libraries that it cannot do without."""

import statistics
import subprocess
import sys

ROUNDS = 7
BUDGET_MS = 250
CORE = "opentelemetry.sdk.trace, opentelemetry.sdk.resources, orjson, prometheus_client, structlog"
TIMED = (
    "import time; began = time.process_time(); import {names}; print((time.process_time() - began) * 1000)"
)


def measure() -> dict[str, float]:
    """Return the median CPU milliseconds of both imports, taken in turns."""
    times: dict[str, list[float]] = {"core libraries": [], "obskit": []}
    for _ in range(ROUNDS):
        for name, names in (("core libraries", CORE), ("obskit", "obskit")):
            command = [sys.executable, "-c", TIMED.format(names=names)]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            times[name].append(float(said))
    return {name: round(statistics.median(values), 1) for name, values in times.items()}


def report(result: dict[str, float]) -> None:
    """Print both beside the budget."""
    print(
        f"import obskit: {result['obskit']:.0f} ms of CPU, {result['core libraries']:.0f} of them for "
        f"the libraries under it (budget {BUDGET_MS})"
    )


if __name__ == "__main__":
    report(measure())
