"""Wires the parts together: ``init`` and ``instrument``, and nothing else."""

import atexit
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar, Unpack

from obskit import _guard, asgi, context, resilience
from obskit._typing import Check
from obskit.catalog import DROPPED, INTERNAL_FAILURES, LOG_LEFT_OUT, LOG_RECORDS
from obskit.config import LEVELS, Arguments, Settings
from obskit.errors import ConfigError, InstrumentError
from obskit.health import Health
from obskit.logging import LogPipe, configure
from obskit.metrics import Counts, Metrics
from obskit.tracing import Tracing

__all__ = [
    "Telemetry",
    "add_check",
    "init",
    "instrument",
    "shutdown",
]

_T = TypeVar("_T")
_D = TypeVar("_D", bound="Declared")
_KNOWN_LOSSES: tuple[tuple[str, ...], ...] = (
    ("logs", "queue_full"),
    ("logs", "sink_failed"),
    ("metrics", "series_cap"),
    ("traces", "export_failed"),
    ("traces", "queue_full"),
    ("traces", "shutdown"),
    ("traces", "tail_full"),
)


class Telemetry:
    """The telemetry of one process, as :func:`init` built it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.pipe = LogPipe(settings)
        self.metrics = Metrics(settings)
        self.tracing = Tracing(settings, report=self._on_export)
        self.health = Health(self._on_check)
        self.topics: dict[str, Any] = {}  # what an optional topic keeps once for all it instruments
        self.registry = self.metrics.registry
        """Register the service's own metrics here: ``Counter(..., registry=obs.registry)``."""
        for metric, read in (
            (LOG_RECORDS, self._log_records),
            (LOG_LEFT_OUT, self._left_out),
            (DROPPED, self._dropped),
            (INTERNAL_FAILURES, _internal_failures),
        ):
            self.registry.register(Counts(metric, read))

    def start(self) -> None:
        """Turn logging and tracing on for the process."""
        self.metrics.start()
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
        lost = self.tracing.dropped
        if any(lost.values()):  # nobody asks for the page any more
            self.pipe.emit("warning", "obskit.spans_lost", {"spans": sum(lost.values()), "by_reason": lost})
        self.pipe.close(self.settings.shutdown_s / 4)
        self.metrics.close()

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

    def _left_out(self) -> dict[tuple[str, ...], float]:
        return {(reason,): count for reason, count in self.pipe.left_out.items()}

    def _dropped(self) -> dict[tuple[str, ...], float]:
        lost: dict[str, Mapping[str, float]] = {
            "logs": self.pipe.dropped,
            "traces": self.tracing.dropped,
            "metrics": {"series_cap": self.registry.overflowed.total()},
        }
        # At 0 from the start: increase() does not see a counter that is born at 1.
        counts = dict.fromkeys(_KNOWN_LOSSES, 0.0)
        for signal, reasons in lost.items():
            counts.update({(signal, reason): count for reason, count in reasons.items()})
        return counts


def _internal_failures() -> dict[tuple[str, ...], float]:
    return {("request telemetry",): 0, **{(area,): count for area, count in _guard.failures.items()}}


class Declared(Protocol):
    """What shows its series as soon as telemetry is on, before it is first used."""

    def declare(self, owner: Telemetry, /) -> None: ...


class _Process:
    """The one Telemetry of this process, and the arguments it was made from."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.telemetry: Telemetry | None = None
        self.arguments: Arguments = {}
        # Weak: what the application has let go of is no longer shown.
        self.declared: weakref.WeakSet[Declared] = weakref.WeakSet()
        self.watcher: Callable[[Telemetry], None] | None = None


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
            if _process.watcher is not None:
                _process.watcher(telemetry)
            telemetry.start()
            _process.telemetry, _process.arguments = telemetry, arguments
            atexit.register(shutdown)
            resilience.watch_retries(init)
            for declared in list(_process.declared):
                with _guard.guarded("declaration"):
                    declared.declare(telemetry)
        elif arguments and arguments != _process.arguments:
            names = sorted({*arguments, *_process.arguments})
            changed = [name for name in names if arguments.get(name) != _process.arguments.get(name)]
            msg = (
                f"init() was called before with another {', '.join(changed)}; call it once a process, "
                "or obskit.shutdown() before starting anew."
            )
            raise ConfigError(msg)
        return _process.telemetry


def current() -> Telemetry | None:
    """Return the telemetry of this process, or None while it is off; turns nothing on."""
    return _process.telemetry


def watch(watcher: Callable[[Telemetry], None] | None) -> Callable[[Telemetry], None] | None:
    """Call *watcher* with each new telemetry before its first line, for tests; return the one before."""
    before, _process.watcher = _process.watcher, watcher
    return before


def declare(thing: _D) -> _D:
    """Have *thing* show its series now, or when telemetry is turned on, and return it."""
    with _process.lock:
        _process.declared.add(thing)
        if _process.telemetry is not None:
            with _guard.guarded("declaration"):
                thing.declare(_process.telemetry)
    return thing


def shutdown() -> None:
    """Write and send what waits, within ``shutdown_s``, and turn telemetry off."""
    with _process.lock:
        telemetry, _process.telemetry = _process.telemetry, None
    if telemetry is not None:
        atexit.unregister(shutdown)
        telemetry.shutdown()


def add_check(name: str, check: Check, *, timeout_s: float = 2.0, critical: bool = True) -> None:
    """Run *check* at each request of ``/readyz``, untraced; the same name again replaces it.

    *check* is sync or async, returns when healthy and raises when not. *timeout_s* is in
    seconds; a check that is not critical shows as degraded and keeps the service ready.
    """
    init().health.add(name, check, timeout_s=timeout_s, critical=critical)


def instrument(target: _T) -> _T:
    """Observe *target* and return it; a second call changes nothing.

    1. A FastAPI or Starlette application: span, RED metrics, access line and request id for
       each request; ``/livez``, ``/readyz`` and ``/metrics`` are served.
    2. An httpx or httpx2 client, sync or async: span, RED metrics and propagation for each request.
    3. A NATS connection or JetStream context: span, metrics and propagation for each publish
       and request.
    4. A circuit breaker: purgatory's factories, pybreaker's breakers: state and changes.
    5. A cashews cache: hits, misses, failures, ages and evictions.
    6. An APScheduler 3 scheduler: each run as by :func:`obskit.job`, missed and refused ones too.
    7. A SQLAlchemy Engine or AsyncEngine: span and RED metrics for each statement, its pool, slow
       statements with their plan, and statements that a request repeats.
    8. A Flask application, as FastAPI's.

    Other ASGI and WSGI applications: :class:`obskit.ASGIMiddleware`, :class:`obskit.WSGIMiddleware`.
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
        f"{type(target).__module__.partition('.')[0]!r}; pass a FastAPI, Starlette or Flask application, "
        "an httpx client, a NATS connection, a circuit breaker, a cashews cache, an APScheduler scheduler, or a SQLAlchemy engine."
    )
    raise InstrumentError(msg)


def _install_httpx(client: Any) -> None:
    from obskit import httpclient  # its package is optional

    httpclient.install(client, init)


def _install_nats(connection: Any) -> None:
    from obskit import messaging  # not every service has messages

    messaging.install(connection, init)


def _install_db(engine: Any) -> None:
    from obskit import db  # its package is optional

    declare(db.install(engine, init))


def _install_apscheduler(scheduler: Any) -> None:
    from obskit.jobs import _apscheduler  # its package is optional

    _apscheduler.watch_scheduler(scheduler, init, declare)


def _install_cashews(cache: Any) -> None:
    from obskit import cache as caches  # its package is optional

    caches.install(cache, init)


_INSTALLERS: Mapping[str, Callable[[Any], object]] = {
    "starlette": lambda app: asgi.install(app, init),
    "flask": lambda app: asgi.install_flask(app, init),
    "httpx": _install_httpx,
    "httpx2": _install_httpx,
    "nats": _install_nats,
    "sqlalchemy": _install_db,
    "apscheduler": _install_apscheduler,
    "concurrent": context.carry,
    "cashews": _install_cashews,
    "purgatory": lambda factory: declare(resilience.watch_breaker(factory, init)),
    "pybreaker": lambda breaker: declare(resilience.watch_breaker(breaker, init)),
}
"""By the package that a class, or one of its bases, comes from."""
