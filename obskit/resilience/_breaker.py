"""Circuit breakers of purgatory (sync and asyncio) and pybreaker (sync)."""

from typing import Any

from opentelemetry import trace

from obskit._guard import guarded
from obskit.catalog import BREAKER_STATE, BREAKER_TRANSITIONS
from obskit.errors import InstrumentError
from obskit.resilience._owner import GetOwner, Owner

__all__ = ["BREAKER_STATES", "BreakerWatch", "watch_breaker"]

BREAKER_STATES = ("closed", "open", "half_open")

_NAMES = {"opened": "open", "half-opened": "half_open", "half-open": "half_open"}
_EVENTS = {"closed": "breaker.closed", "open": "breaker.opened", "half_open": "breaker.half_opened"}
_MARK = "_obskit_breaker_watch"


class BreakerWatch:
    """Keeps the state of the circuits of one breaker, or one factory of breakers, and shows it.

    With a store that processes share (Redis), each process shows the changes that it made itself.
    """

    def __init__(self, owner: GetOwner) -> None:
        self._owner = owner
        self._states: dict[str, str] = {}

    def declare(self, owner: Owner) -> None:
        """Show the circuits that are known so far."""
        for dependency, state in self._states.items():
            _show(owner, dependency, state)

    def on_purgatory(self, circuit: str, kind: str, event: Any) -> None:
        """Take purgatory's event; its failures and recoveries change no state and are left out."""
        with guarded("circuit breaker telemetry"):
            if kind == "circuit_breaker_created":
                self.found(circuit, "closed")
            elif kind == "state_changed":
                self._changed(circuit, event.state)

    def state_change(self, breaker: Any, _before: Any, after: Any) -> None:
        """Take pybreaker's event."""
        with guarded("circuit breaker telemetry"):
            self._changed(breaker.name or "", after.name)

    def before_call(self, breaker: Any, function: Any, *args: Any, **kwargs: Any) -> None:
        """Take pybreaker's event; nothing to do."""

    def success(self, breaker: Any) -> None:
        """Take pybreaker's event; nothing to do."""

    def failure(self, breaker: Any, error: BaseException) -> None:
        """Take pybreaker's event; nothing to do."""

    def found(self, dependency: str, state: str) -> None:
        """Keep and show a circuit in its first state."""
        self._states[dependency] = _NAMES.get(state, state)

    def _changed(self, dependency: str, name: str) -> None:
        state, owner = _NAMES.get(name, name), self._owner()
        self._states[dependency] = state
        _show(owner, dependency, state)
        owner.metrics.counter(BREAKER_TRANSITIONS, dependency, state).inc()
        trace.get_current_span().add_event(_EVENTS[state], {"peer.service": dependency})
        level = "warning" if state == "open" else "info"
        owner.pipe.emit(level, _EVENTS[state], {"dependency": dependency})


class _Created(BreakerWatch):
    """As above, for a library that makes its circuits at their first use."""

    def found(self, dependency: str, state: str) -> None:
        super().found(dependency, state)
        _show(self._owner(), dependency, self._states[dependency])


def _show(owner: Owner, dependency: str, current: str) -> None:
    for state in BREAKER_STATES:
        owner.metrics.gauge(BREAKER_STATE, dependency, state).set(state == current)
        owner.metrics.counter(BREAKER_TRANSITIONS, dependency, state)


def watch_breaker(breaker: Any, owner: GetOwner) -> BreakerWatch:
    """Watch a purgatory factory or a pybreaker breaker; a second call gives the same watch.

    Raises:
        InstrumentError: *breaker* is another object of these packages, or has no name.
    """
    watch = getattr(breaker, _MARK, None)
    if isinstance(watch, BreakerWatch):
        return watch
    if not hasattr(breaker, "add_listener"):
        msg = (
            f"instrument() does not know {type(breaker).__qualname__!r}; pass purgatory's "
            "AsyncCircuitBreakerFactory or SyncCircuitBreakerFactory, or a pybreaker.CircuitBreaker."
        )
        raise InstrumentError(msg)
    watch = _listening(breaker, owner)
    setattr(breaker, _MARK, watch)
    return watch


def _listening(breaker: Any, owner: GetOwner) -> BreakerWatch:
    if hasattr(breaker, "get_breaker"):
        factory = _Created(owner)
        breaker.add_listener(factory.on_purgatory)
        return factory
    if not breaker.name:
        msg = (
            "instrument() needs the name of a pybreaker.CircuitBreaker for its metrics; give it one: name=..."
        )
        raise InstrumentError(msg)
    watch = BreakerWatch(owner)
    watch.found(breaker.name, breaker.current_state)
    breaker.add_listener(watch)
    return watch
