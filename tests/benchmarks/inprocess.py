"""What each variant adds to a request in-process: variants take turns, each run in a process of its own."""

import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from envs import python  # beside this file
from sink import Sink
from variants import VARIANTS

SUBJECT = Path(__file__).with_name("subject.py")
ARRIVED = 0.95
_TIMEOUT_S = 600


def run_child(env: str, script: Path, *arguments: str, timeout_s: float = _TIMEOUT_S) -> dict:
    """Run *script* in *env* and return the JSON of its last line."""
    done = subprocess.run(
        [python(env), script, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        env=environment(),
    )
    if done.returncode:
        message = f"{script.name} {' '.join(arguments)} in {env} failed:\n{done.stderr[-4000:]}"
        raise RuntimeError(message)
    return json.loads(done.stdout.strip().splitlines()[-1])


def environment() -> dict[str, str]:
    """Return the variables that a child sees: nothing that would set a peer up otherwise."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"PYTHONHASHSEED": "0"}


def lines_in(folder: Path) -> int:
    """Return how many access lines the log files in *folder* have."""
    return sum(path.read_bytes().count(b'"http.request"') for path in folder.iterdir())


def one(name: str, sink: Sink, *, requests: int, pace: str) -> dict[str, float]:
    """Run one variant once; it counts only if what it promises arrived.

    Raises:
        RuntimeError: spans or lines are missing.
    """
    variant = VARIANTS[name]
    sink.arrived()
    with tempfile.TemporaryDirectory() as folder:
        result = run_child(variant.env, SUBJECT, name, sink.url, folder, str(requests), "1", pace)
        lines = lines_in(Path(folder))
    spans, sent = sink.arrived(), result.pop("sent")
    check_arrived(name, sent=sent, lines=lines, spans=spans)
    return {**result, "spans": round(spans["all"] / sent, 2)}


def check_arrived(name: str, *, sent: int, lines: int, spans: dict[str, int]) -> None:
    """See that the spans and the lines that the variant *name* promises are there.

    Raises:
        RuntimeError: they are not.
    """
    variant = VARIANTS[name]
    if variant.spans and spans["server"] < sent * ARRIVED:
        message = f"{name}: {spans['server']} of {sent} SERVER spans arrived, the run does not count"
        raise RuntimeError(message)
    if variant.lines and lines < sent:
        message = f"{name}: {lines} of {sent} access lines were written, the run does not count"
        raise RuntimeError(message)


def measure(names: Sequence[str], sink: Sink, *, rounds: int, requests: int, pace: str = "paced") -> dict:
    """Let *names* take turns for *rounds* rounds; return medians and what each adds to ``bare``."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for number in range(rounds):
        for name in _turn(names, number):
            runs[name].append(one(name, sink, requests=requests, pace=pace))
    return {name: _summary(runs[name], runs["bare"]) for name in names}


def _turn(names: Sequence[str], number: int) -> Iterable[str]:
    # There and back again: what drifts with time does not favour who comes first.
    return names if number % 2 == 0 else reversed(names)


def _summary(runs: list[dict[str, float]], bare: list[dict[str, float]]) -> dict:
    summary: dict = {"spans": statistics.median(run["spans"] for run in runs)}
    for unit in ("cpu_us", "wall_us"):
        # Round by round: both saw the same minute of the machine.
        added = [run[unit] - base[unit] for run, base in zip(runs, bare, strict=True)]
        summary[unit] = round(statistics.median(run[unit] for run in runs), 1)
        summary[f"added_{unit}"] = round(statistics.median(added), 1)
        summary[f"added_{unit}_runs"] = [round(each, 1) for each in added]
    return summary
