"""The load generator as a child of a command."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from obskit import stack
from obskit._assets import samples_root
from obskit.errors import StackError

__all__ = ["Load", "sending"]

_NAME = "loadgen"
_GRACE_S = 10.0


@dataclass(frozen=True, slots=True)
class Load:
    """A load that runs: its process, and the file with the ids of the async orders that were accepted."""

    process: subprocess.Popen[bytes]
    orders: Path
    log: Path

    def check(self) -> None:
        """Make sure that it still runs.

        Raises:
            StackError: it ended by itself.
        """
        if self.process.poll() is not None:
            msg = f"The load generator ended by itself (exit {self.process.returncode})."
            raise StackError(msg, fix=f"read {self.log}")

    def stop(self) -> None:
        """End it in order, so that its last answers are counted; by force when it does not."""
        self.process.terminate()
        try:
            self.process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def accepted(self) -> list[str]:
        """Return the ids of the async orders that were accepted so far."""
        return self.orders.read_text(encoding="utf-8").split()


@contextmanager
def sending(home: stack.Home, *, rate: float, mode: str = "both") -> Iterator[Load]:
    """Send *rate* calls a second through Traefik while the block runs.

    *mode* is the load generator's: ``both`` is orders, half of them async, ``faults`` all journeys.
    """
    ports = stack.current_ports(home)
    orders, log = home.data / "demo-orders.txt", home.log_of(_NAME)
    orders.write_text("", encoding="utf-8")
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own module
            [
                *(sys.executable, "-P", "-m", "sample_services.loadgen"),
                *("--url", f"http://{stack.LOOPBACK}:{ports['traefik']}"),
                *("--rate", f"{rate:g}", "--mode", mode, "--duration", "0"),
                *("--port", str(ports[_NAME])),
                *("--orders-file", str(orders)),
                *("--passwords", str(home.demo_users)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=home.data,
            env={
                **os.environ,
                "PYTHONPATH": str(samples_root()),
                "OBSKIT_LOG_DIR": str(home.service_logs),
                "OBSKIT_ENVIRONMENT": "demo",
                "OTEL_TRACES_EXPORTER": "otlp",
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{stack.LOOPBACK}:{ports['otlp']}",
            },
        )
    stack.add_target(home, _NAME, ports[_NAME])
    load = Load(process, orders, log)
    try:
        yield load
    finally:
        stack.remove_target(home, _NAME)
        load.stop()
