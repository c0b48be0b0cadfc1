"""How long ``obskit up`` takes until every service is ready."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BUDGET_S = 20
_LIMIT_S = 300


def measure(rounds: int) -> dict[str, float]:
    """Start and end the whole stack *rounds* times; return the median seconds until it said that it is up."""
    return {"up_s": round(statistics.median(_once() for _ in range(rounds)), 1)}


def _once() -> float:
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "OBSKIT_HOME": str(Path(home) / "home")}
        command = [sys.executable, "-m", "obskit.cli.main"]
        began = time.perf_counter()
        try:
            subprocess.run(
                [*command, "up", "--detach"],
                env=environment,
                check=True,
                timeout=_LIMIT_S,
                capture_output=True,
            )
            return time.perf_counter() - began
        finally:
            subprocess.run(
                [*command, "down"], env=environment, check=False, timeout=_LIMIT_S, capture_output=True
            )
