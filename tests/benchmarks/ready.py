"""How long ``obskit up`` takes until every service is ready, and the memory of the whole stack then."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

BUDGET_S, BUDGET_MB = 20, 1600
_LIMIT_S = 300
_OBSKIT = (sys.executable, "-c", "from obskit.cli.main import run; run()")


def measure(rounds: int) -> dict[str, float]:
    """Start and end the whole stack *rounds* times; return the medians of seconds and of megabytes.

    Raises:
        RuntimeError: the stack did not come up; its ports may be taken.
    """
    runs = [_once() for _ in range(rounds)]
    return {name: round(statistics.median(run[name] for run in runs), 1) for name in runs[0]}


def _once() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        try:
            began = time.perf_counter()
            _obskit("up", home)
            up_s = time.perf_counter() - began
            return {"up_s": up_s, "pss_mb": _pss_mb(home)}
        finally:
            _obskit("down", home, must=False)


def _obskit(verb: str, home: Path, *, must: bool = True) -> None:
    environment = {**os.environ, "OBSKIT_HOME": str(home)}
    done = subprocess.run(
        [*_OBSKIT, verb], env=environment, check=False, timeout=_LIMIT_S, capture_output=True, text=True
    )
    if must and done.returncode:
        message = f"obskit {verb} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        raise RuntimeError(message)


def _pss_mb(home: Path) -> float:
    """Return the memory of the supervisor and all below it; what processes share is counted once."""
    supervisor = psutil.Process(
        json.loads((home / "stack.json").read_bytes())["supervisor"]["process"]["pid"]
    )
    total = 0
    for process in (supervisor, *supervisor.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            total += process.memory_full_info().pss
    return total / 1e6
