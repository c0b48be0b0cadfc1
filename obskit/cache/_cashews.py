"""cashews: one middleware around every command of a cache."""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from cashews import Command
from cashews.backends.interface import Backend
from cashews.backends.memory import Memory
from cashews.wrapper import Cache
from opentelemetry import trace

from obskit._guard import guarded
from obskit.cache._ages import Ages
from obskit.cache._operation import Operation, current_operation, listen
from obskit.cache._owner import GetOwner, Owner
from obskit.catalog import CACHE_DURATION, CACHE_ENTRIES, CACHE_EVICTIONS, CACHE_HIT_AGE, CACHE_LOOKUPS
from obskit.errors import InstrumentError
from obskit.tracing import exemplar

__all__ = ["install"]

_MARK = "_obskit_watch"
_ITERATORS = {Command.SCAN, Command.GET_MATCH}
"""Their call only makes the iterator: it has no duration and no result."""
_LOOKUPS = {Command.GET, Command.GET_MANY}
_STORING = {Command.SET, Command.SET_MANY}
_REMOVING = {Command.DELETE, Command.DELETE_MANY, Command.DELETE_MATCH, Command.CLEAR, Command.UNLOCK}
_OUTCOMES = ("hit", "miss", "error")
_REASONS = ("full", "expired")
_KINDS = {"memory": "memory", "redis": "redis", "diskcache": "disk"}


def install(cache: Any, owner: GetOwner) -> None:
    """Observe every command of a cashews cache; a second call changes nothing.

    The cache's ``name`` becomes a label: give each its own, ``Cache(name="prices")``.

    Raises:
        InstrumentError: *cache* is another object of cashews.
    """
    if not isinstance(cache, Cache):
        msg = f"instrument() does not know {type(cache).__qualname__!r}; pass a cashews.Cache."
        raise InstrumentError(msg)
    if hasattr(cache, _MARK):
        return
    watch = _Watch(cache.name or "default", owner)
    setattr(cache, _MARK, watch)
    cache.add_middleware(watch)
    listen()


class _Before:
    """What a backend in memory held before a command stored *keys*: it does not say what it pushes out."""

    def __init__(self, backend: Backend, keys: list[str]) -> None:
        self.keys = keys
        self._size = 0
        self._absent: list[str] = []
        if keys and isinstance(backend, Memory):
            self._size = len(backend.store)
            self._absent = [key for key in keys if key not in backend.store]

    def pushed_out(self, backend: Backend) -> int:
        """Return how many entries left because the backend was full."""
        if not self._absent or not isinstance(backend, Memory):
            return 0
        stored = sum(key in backend.store for key in self._absent)
        return self._size + stored - len(backend.store)


class _Watch:
    """The middleware, and what it keeps of one cache."""

    def __init__(self, name: str, owner: GetOwner) -> None:
        self._name = name
        self._owner = owner
        self._ages = Ages()
        self._failing: set[str] = set()

    async def __call__(
        self,
        call: Callable[..., Awaitable[Any]],
        cmd: Command,
        backend: Backend,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        if cmd in _ITERATORS:
            return await call(*args, **kwargs)
        operation = Operation(removing=cmd in _REMOVING)
        with guarded("cache telemetry"):
            self._meet(backend)
        before = _Before(backend, _keys(kwargs) if cmd in _STORING else [])
        started, result, token = time.perf_counter(), None, current_operation.set(operation)
        try:
            result = await call(*args, **kwargs)
        except BaseException as error:
            operation.failed(error)
            raise
        finally:
            current_operation.reset(token)
            operation.removing = False  # the backend's own task has copied the context of its first command
            with guarded("cache telemetry"):
                self._record(cmd, backend, operation, time.perf_counter() - started)
                if cmd in _LOOKUPS and not operation.cancelled:
                    self._looked_up(backend, operation, _found(args, kwargs, result))
                elif not operation.error_type:
                    self._stored(backend, before)
        return result

    def _meet(self, backend: Backend) -> None:
        """Show a backend's series at 0 before its first command ends, and hear what expires in it."""
        kind, metrics = _kind(backend), self._owner().metrics
        for outcome in _OUTCOMES:
            metrics.counter(CACHE_LOOKUPS, self._name, kind, outcome)
        if isinstance(backend, Memory):
            for reason in _REASONS:
                metrics.counter(CACHE_EVICTIONS, self._name, kind, reason)
            if not hasattr(backend, _MARK):
                setattr(backend, _MARK, self)
                backend.on_remove_callback(self._removed)

    def _record(self, command: Command, backend: Backend, operation: Operation, duration_s: float) -> None:
        kind, owner, error_type = _kind(backend), self._owner(), operation.error_type
        span = trace.get_current_span()
        owner.metrics.histogram(CACHE_DURATION, self._name, kind, command.value, error_type).observe(
            duration_s, exemplar(span)
        )
        size = _size(backend)
        if size is not None:
            owner.metrics.gauge(CACHE_ENTRIES, self._name, kind).set(size)
        if operation.cancelled:
            return
        if error_type:
            span.add_event("cache.failed", {"cache": self._name, "error.type": error_type})
        self._changed(owner, kind, error_type)

    def _changed(self, owner: Owner, kind: str, error_type: str) -> None:
        """Log a failing cache once, and once that it works again."""
        fields = {"cache": self._name, "backend": kind}
        if error_type and kind not in self._failing:
            self._failing.add(kind)
            owner.pipe.emit("warning", "cache.failed", {**fields, "error": error_type})
        elif not error_type and kind in self._failing:
            self._failing.discard(kind)
            owner.pipe.emit("info", "cache.recovered", fields)

    def _looked_up(self, backend: Backend, operation: Operation, found: dict[str, bool]) -> None:
        kind, metrics = _kind(backend), self._owner().metrics
        for key, hit in found.items():
            outcome = "error" if operation.error_type else "hit" if hit else "miss"
            metrics.counter(CACHE_LOOKUPS, self._name, kind, outcome).inc()
            age_s = self._ages.age(key) if outcome == "hit" else None
            if age_s is not None:
                metrics.histogram(CACHE_HIT_AGE, self._name, kind).observe(age_s)

    def _stored(self, backend: Backend, before: _Before) -> None:
        self._ages.stored(before.keys)
        pushed_out = before.pushed_out(backend)
        if pushed_out > 0:
            self._owner().metrics.counter(CACHE_EVICTIONS, self._name, _kind(backend), "full").inc(pushed_out)

    async def _removed(self, keys: Iterable[str], backend: Backend) -> None:
        """Take the backend's word that entries are gone; who deletes them asks for it, expiry does not."""
        operation = current_operation.get()
        with guarded("cache telemetry"):
            expired = list(keys) if operation is None or not operation.removing else []
            counter = self._owner().metrics.counter(CACHE_EVICTIONS, self._name, _kind(backend), "expired")
            counter.inc(len(expired))


def _kind(backend: Backend) -> str:
    module = type(backend).__module__.split(".")
    return next((kind for name, kind in _KINDS.items() if name in module), "other")


def _size(backend: Backend) -> int | None:
    return len(backend.store) if isinstance(backend, Memory) else None


def _keys(kwargs: Mapping[str, Any]) -> list[str]:
    """Return the keys that a storing command names."""
    return list(kwargs.get("pairs") or [kwargs["key"]])


def _found(args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any) -> dict[str, bool]:
    """Return which of the keys that were looked up were there; *result* is None after a failure."""
    default = kwargs.get("default")
    if "key" in kwargs:
        return {kwargs["key"]: result is not default}
    values = result or [default] * len(args)
    return {key: value is not default for key, value in zip(args, values, strict=False)}
