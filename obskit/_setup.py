"""Wires the parts together: ``init`` and ``instrument``, and nothing else."""

import atexit
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, Unpack

from obskit import _guard, asgi, messaging
from obskit._typing import Check
from obskit.catalog import DROPPED, INTERNAL_FAILURES, LOG_RECORDS
from obskit.config import LEVELS, Arguments, Settings
from obskit.errors import ConfigError, InstrumentError
from obskit.health import Health
from obskit.logging import LogPipe, configure
from obskit.metrics import Counts, Metrics
from obskit.tracing import Tracing

__all__ = ["Telemetry", "add_check", "consume", "init", "instrument", "shutdown"]

_T = TypeVar("_T")
_KNOWN_LOSSES: tuple[tuple[str, ...], ...] = (
    ("logs", "queue_full"),
    ("logs", "sink_failed"),
    ("metrics", "series_cap"),
    ("traces", "export_failed"),
    ("traces", "queue_full"),
    ("traces", "shutdown"),
)


class Telemetry:
    """The telemetry of one process, as :func:`init` built it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.pipe = LogPipe(settings)
        self.metrics = Metrics(settings)
        self.tracing = Tracing(settings, report=self._on_export)
        self.health = Health(self._on_check)
        self.registry = self.metrics.registry
        """Register the service's own metrics here: ``Counter(..., registry=obs.registry)``."""
        for metric, read in (
            (LOG_RECORDS, self._log_records),
            (DROPPED, self._dropped),
            (INTERNAL_FAILURES, _internal_failures),
        ):
            self.registry.register(Counts(metric, read))

    def start(self) -> None:
        """Turn logging and tracing on for the process."""
        self.pipe.start()
        configure(self.pipe)
        self.tracing.install()
        settings = self.settings
        self.pipe.emit("info", "obskit.started", {"traces": settings.traces_url or "not exported"})

    def flush(self) -> None:
        """Write and send what waits, within half of ``shutdown_s``."""
        self.tracing.flush(self.settings.shutdown_s / 4)
        self.pipe.flush(self.settings.shutdown_s / 4)

    def shutdown(self) -> None:
        """Write and send what waits and stop, within half of ``shutdown_s``."""
        self.tracing.close(self.settings.shutdown_s / 4)
        self.pipe.close(self.settings.shutdown_s / 4)

    def _on_export(self, reachable: bool, why: str) -> None:  # noqa: FBT001 - the exporter's call
        if reachable:
            self.pipe.emit("info", "obskit.export_recovered", {"url": self.settings.traces_url})
        else:
            self.pipe.emit("warning", "obskit.export_failed", {"url": self.settings.traces_url, "why": why})

    def _on_check(self, name: str, passing: bool, why: str) -> None:  # noqa: FBT001 - the health's call
        if passing:
            self.pipe.emit("info", "health.check_recovered", {"check": name})
        else:
            self.pipe.emit("warning", "health.check_failed", {"check": name, "why": why})

    def _log_records(self) -> dict[tuple[str, ...], float]:
        return {(level,): self.pipe.written.get(level, 0) for level in LEVELS}

    def _dropped(self) -> dict[tuple[str, ...], float]:
        lost: dict[str, Mapping[str, float]] = {
            "logs": self.pipe.dropped,
            "traces": self.tracing.dropped,
            "metrics": {"series_cap": self.metrics.overflowed.total()},
        }
        # At 0 from the start: increase() does not see a counter that is born at 1.
        counts = dict.fromkeys(_KNOWN_LOSSES, 0.0)
        for signal, reasons in lost.items():
            counts.update({(signal, reason): count for reason, count in reasons.items()})
        return counts


def _internal_failures() -> dict[tuple[str, ...], float]:
    return {("request telemetry",): 0, **{(area,): count for area, count in _guard.failures.items()}}


class _Process:
    """The one Telemetry of this process, and the arguments it was made from."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.telemetry: Telemetry | None = None
        self.arguments: Arguments = {}


_process = _Process()


def init(**arguments: Unpack[Arguments]) -> Telemetry:
    """Turn telemetry on for this process, once, and return its handle.

    Args:
        **arguments: settings of :class:`obskit.config.Settings`, such as ``service``,
            ``version``, ``environment`` and ``log_level``. They win over the ``OTEL_*`` and
            ``OBSKIT_*`` variables, and those over the defaults.

    A second call with the same arguments, or with none, returns the same handle.

    Raises:
        ConfigError: a value cannot be used, or telemetry is already on with other arguments.
    """
    with _process.lock:
        if _process.telemetry is None:
            telemetry = Telemetry(Settings.load(arguments))
            telemetry.start()
            _process.telemetry, _process.arguments = telemetry, arguments
            atexit.register(shutdown)
        elif arguments and arguments != _process.arguments:
            names = sorted({*arguments, *_process.arguments})
            changed = [name for name in names if arguments.get(name) != _process.arguments.get(name)]
            msg = (
                f"init() was called before with another {', '.join(changed)}; call it once a process, "
                "or obskit.shutdown() before starting anew."
            )
            raise ConfigError(msg)
        return _process.telemetry


def shutdown() -> None:
    """Write and send what waits, within ``shutdown_s``, and turn telemetry off."""
    with _process.lock:
        telemetry, _process.telemetry = _process.telemetry, None
    if telemetry is not None:
        atexit.unregister(shutdown)
        telemetry.shutdown()


def add_check(name: str, check: Check, *, timeout_s: float = 2.0, critical: bool = True) -> None:
    """Run *check* at each request of ``/readyz``; the same name again replaces it.

    *check* is sync or async, returns when healthy and raises when not. *timeout_s* is in
    seconds; a check that is not critical shows as degraded and keeps the service ready.
    """
    init().health.add(name, check, timeout_s=timeout_s, critical=critical)


def consume(message: Any, *, destination: str) -> messaging.Consumed:
    """Handle one message: ``async with obskit.consume(msg, destination="orders.created"): ...``.

    Makes a CONSUMER span that is a child of the producer's, a request scope for the log
    lines, and RED and age metrics. *destination* is the subject or topic, without ids.
    What the handler raises is recorded and raised on; acknowledging stays the handler's.
    """
    return messaging.consume(message, destination, init)


def instrument(target: _T) -> _T:
    """Observe *target* and return it; a second call changes nothing.

    1. A FastAPI or Starlette application: span, RED metrics, access line and request id for
       each request; ``/livez``, ``/readyz`` and ``/metrics`` are served.
    2. An httpx client, sync or async: span, RED metrics and propagation for each request.
    3. A NATS connection or JetStream context: span, metrics and propagation for each publish.

    May come before :func:`init` and before or after the application has started.

    Raises:
        InstrumentError: *target* is none of these.
    """
    packages = {base.__module__.partition(".")[0] for base in type(target).__mro__}
    for package, install in _INSTALLERS.items():
        if package in packages:
            install(target)
            return target
    msg = (
        f"instrument() does not know {type(target).__qualname__!r} of the package "
        f"{type(target).__module__.partition('.')[0]!r}; pass a FastAPI or Starlette application, "
        "an httpx client, or a NATS connection."
    )
    raise InstrumentError(msg)


def _install_httpx(client: Any) -> None:
    from obskit import httpclient  # its package is optional

    httpclient.install(client, init)


_INSTALLERS: Mapping[str, Callable[[Any], None]] = {
    "starlette": lambda app: asgi.install(app, init),
    "httpx": _install_httpx,
    "nats": lambda connection: messaging.install(connection, init),
}
"""By the package that a class, or one of its bases, comes from."""
