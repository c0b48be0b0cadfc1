"""What each variant adds to a request to the last of many routes.

Finding the route costs far more than what is looked for, and more or less of it from second to
second. So the variants' processes live side by side and send a few requests each, in turns;
what counts is the difference to the turn of ``bare`` of the same round.
"""

import json
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from envs import python  # beside this file
from inprocess import SUBJECT, check_arrived, environment, lines_in
from sink import collector
from variants import VARIANTS


class Sender:
    """The process of one variant; each call is one turn."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._read()

    def __call__(self) -> float:
        """Send some requests; return the CPU microseconds of one, on the thread that serves it."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._read()["cpu_us"]

    def end(self) -> int:
        """Send what is still waiting, and return how many requests there were."""
        self._process.stdin.close()
        return self._read()["sent"]

    def _read(self) -> dict:
        line = self._process.stdout.readline()
        if not line:
            message = f"{' '.join(map(str, self._process.args))} ended"
            raise RuntimeError(message)
        return json.loads(line)


@contextmanager
def sender(name: str, routes: int) -> Iterator[Sender]:
    """Serve one variant; it counts only if what it promises arrived.

    Raises:
        RuntimeError: spans or lines are missing.
    """
    variant = VARIANTS[name]
    with tempfile.TemporaryDirectory() as folder, collector() as sink:
        command = [python(variant.env), SUBJECT, name, sink.url, folder, "0", str(routes), "turns"]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
        )
        try:
            sending = Sender(process)
            yield sending
            sent = sending.end()
            process.wait(60)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        check_arrived(name, sent=sent, lines=lines_in(Path(folder)), spans=sink.arrived())


def measure(names: Sequence[str], *, rounds: int, routes: int) -> dict[str, dict[str, float]]:
    """Let *names* take turns for *rounds* rounds; return medians and what each adds to ``bare``."""
    costs: dict[str, list[float]] = {name: [] for name in names}
    with ExitStack() as stack:
        senders = {name: stack.enter_context(sender(name, routes)) for name in names}
        for _ in range(rounds):
            for name, send in senders.items():
                costs[name].append(send())
    return {
        name: {
            "cpu_us": round(statistics.median(each), 1),
            "added_cpu_us": round(
                statistics.median(cost - base for cost, base in zip(each, costs["bare"], strict=True)), 1
            ),
        }
        for name, each in costs.items()
    }
