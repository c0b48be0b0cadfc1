"""How long importing obskit takes in a service's environment, beside the libraries that it cannot do without."""

import statistics
import subprocess

import envs

ROUNDS = 7
BUDGET_MS = 250
CORE = "opentelemetry.sdk.trace, opentelemetry.sdk.resources, orjson, prometheus_client, structlog"
USED = "from obskit import bind, get_logger, init, instrument, shutdown, span"
TIMED = "import time; began = time.process_time(); {statement}; print((time.process_time() - began) * 1000)"


def measure() -> dict[str, float]:
    """Return the median CPU milliseconds of both imports, taken in turns."""
    envs.build({"service"})
    times: dict[str, list[float]] = {"core libraries": [], "obskit": []}
    for _ in range(ROUNDS):
        for name, statement in (("core libraries", f"import {CORE}"), ("obskit", USED)):
            command = [envs.python("service"), "-c", TIMED.format(statement=statement)]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            times[name].append(float(said))
    return {name: round(statistics.median(values), 1) for name, values in times.items()}


def report(result: dict[str, float]) -> None:
    """Print both beside the budget."""
    print(
        f"{USED}: {result['obskit']:.0f} ms of CPU, {result['core libraries']:.0f} of them for "
        f"the libraries under it (budget {BUDGET_MS})"
    )


if __name__ == "__main__":
    report(measure())
