"""Observes each statement of a SQLAlchemy engine."""

import time
from collections.abc import Callable
from typing import Any

from opentelemetry.trace import SpanKind
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine

from obskit._guard import guarded
from obskit.catalog import DB_CONNECTION_TIMEOUTS, DB_DURATION, DB_SLOW
from obskit.context import bound
from obskit.db._database import database_of
from obskit.db._errors import attributes_of, cause_of, hide_values
from obskit.db._explain import Explainer
from obskit.db._owner import Owner
from obskit.db._pool import Pools, PoolWatch, watch
from obskit.db._requests import count
from obskit.db._slow import SlowReports
from obskit.db._statements import Statement, Statements
from obskit.errors import InstrumentError
from obskit.tracing import left_out, record_ended

__all__ = ["Monitor", "install"]

_MARK = "_obskit_instrumented"
_STARTED = "_obskit_started"
_SHOWN = 1000
_CONNECT = Statement("CONNECT", "", "")
_COMMIT = Statement("COMMIT", "", "COMMIT")


def install(target: Any, owner: Callable[[], Owner]) -> "Monitor":
    """Observe the statements and the pool of an Engine or AsyncEngine; a second call changes nothing.

    Raises:
        InstrumentError: *target* is another object of SQLAlchemy's.
    """
    engine = target.sync_engine if isinstance(target, AsyncEngine) else target
    if not isinstance(engine, Engine):
        msg = f"instrument() does not take SQLAlchemy's {type(target).__qualname__!r}; pass the Engine or AsyncEngine."
        raise InstrumentError(msg)
    if not hasattr(engine, _MARK):
        setattr(engine, _MARK, Monitor(engine, owner))
    monitor: Monitor = getattr(engine, _MARK)
    return monitor


class Monitor:
    """What is observed of one engine.

    A statement's span is made when the statement has ended, with the time at which it
    began: the way in costs one clock reading, and the span knows all when it is sampled.
    """

    def __init__(self, engine: Engine, owner: Callable[[], Owner]) -> None:
        self.owner = owner
        self._database = database_of(engine)
        self._attributes = self._database.attributes
        self._statements = Statements(engine.dialect.name)
        self._shown: set[Statement] = set()
        self.pool = PoolWatch(engine, self._database.pool_name)
        self._slow = SlowReports(Explainer(engine, watch(engine, self)), in_memory=self._database.in_memory)
        event.listen(engine, "before_cursor_execute", _before, retval=True)
        event.listen(engine, "after_cursor_execute", self._after)
        event.listen(engine, "handle_error", self._failed)
        engine.dialect.do_commit = self._observed_commit(engine.dialect.do_commit)  # type: ignore[assignment]

    def declare(self, owner: Owner, /) -> None:
        """Show the pool from now on, before it is first used."""
        self._shown = set()
        pools = owner.topics.get("db.pools")
        if pools is None:
            pools = owner.topics["db.pools"] = Pools()
            owner.registry.register(pools)
        pools.add(self.pool)
        # At 0 from the start: increase() does not see a counter that is born at 1.
        owner.metrics.counter(DB_CONNECTION_TIMEOUTS, self.pool.name)

    def _show(self, owner: Owner, statement: Statement) -> None:
        # At 0 from the start, as above.
        owner.metrics.counter(DB_SLOW, statement.operation, statement.collection)
        self._shown = {statement, *(self._shown if len(self._shown) < _SHOWN else ())}

    def connect_failed(self, error: BaseException, duration_s: float) -> None:
        """Record that no connection could be opened: without one there is no statement to see it by."""
        with guarded("database telemetry"):
            self._record(self.owner(), _CONNECT, duration_s, failed=error)

    def _after(
        self,
        _connection: Any,
        cursor: Any,
        sql: str,
        parameters: Any,
        context: Any,
        many: bool,  # noqa: FBT001
    ) -> None:
        started = getattr(context, _STARTED, None)
        if started is None:
            return  # it began before the engine was instrumented
        duration_s = time.perf_counter() - started
        setattr(context, _STARTED, None)
        with guarded("database telemetry"):
            statement = self._statements.get(sql)
            given: dict[str, Any] = {}
            rows = _rows(cursor)
            if rows >= 0:
                given["db.response.returned_rows"] = rows
            self._ran(statement, sql, parameters, duration_s, given, many=many)

    def _failed(self, context: ExceptionContext) -> None:
        execution: Any = context.execution_context
        started = getattr(execution, _STARTED, None)
        with guarded("database telemetry"):
            hide_values(context.sqlalchemy_exception, self._statements)
            if started is None:
                return
            setattr(execution, _STARTED, None)
            duration_s = time.perf_counter() - started
            sql, many = context.statement or "", execution.executemany
            statement = self._statements.get(sql)
            error = cause_of(context.original_exception)
            self._ran(statement, sql, context.parameters, duration_s, {}, many=many, failed=error)

    def _ran(  # noqa: PLR0913 - one run of a statement
        self,
        statement: Statement,
        sql: str,
        parameters: Any,
        duration_s: float,
        attributes: dict[str, Any],
        *,
        many: bool,
        failed: BaseException | None = None,
    ) -> None:
        owner = self.owner()
        scope = bound()
        if scope is not None:
            count(scope, statement, owner)
        if many:
            attributes["db.operation.batch.size"] = len(parameters)
        if statement not in self._shown:
            self._show(owner, statement)
        is_slow = duration_s * 1e3 >= owner.settings.db_slow_ms
        if is_slow:
            attributes["obskit.db.slow"] = True
        self._record(owner, statement, duration_s, attributes, failed)
        if is_slow:
            first = parameters[0] if many and isinstance(parameters, list) else parameters
            self._slow.add(owner, statement, sql, first, duration_s)

    def _record(
        self,
        owner: Owner,
        statement: Statement,
        duration_s: float,
        attributes: dict[str, Any] | None = None,
        failed: BaseException | None = None,
    ) -> None:
        error_type = "" if failed is None else type(failed).__qualname__
        exemplar = self._add_span(owner, statement, duration_s, attributes or {}, failed)
        owner.metrics.histogram(
            DB_DURATION, self._database.system, statement.operation, statement.collection, error_type
        ).observe(duration_s, exemplar)

    def _add_span(
        self,
        owner: Owner,
        statement: Statement,
        duration_s: float,
        attributes: dict[str, Any],
        failed: BaseException | None,
    ) -> dict[str, str] | None:
        """Make the statement's span and return its exemplar, if it is sampled."""
        if left_out():
            return None
        ended = time.time_ns()
        attributes |= self._attributes
        attributes["db.operation.name"] = statement.operation
        if statement.collection:
            attributes["db.collection.name"] = statement.collection
        if statement.text:
            attributes["db.query.text"] = statement.text
        if failed is not None:
            attributes |= attributes_of(failed)
        context = record_ended(
            owner.tracing.provider,
            owner.tracing.tracer,
            statement.summary,
            attributes,
            kind=SpanKind.CLIENT,
            start_ns=ended - int(duration_s * 1e9),
            end_ns=ended,
            # No text of the error: drivers quote the values that were refused.
            failed="" if failed is None else type(failed).__qualname__,
        )
        if context is None:
            return None
        return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}

    def _observed_commit(self, commit: Callable[[Any], None]) -> Callable[[Any], None]:
        def do_commit(connection: Any) -> None:
            started = time.perf_counter()
            try:
                commit(connection)
            except BaseException as error:
                with guarded("database telemetry"):
                    self._record(self.owner(), _COMMIT, time.perf_counter() - started, failed=cause_of(error))
                raise
            with guarded("database telemetry"):
                self._record(self.owner(), _COMMIT, time.perf_counter() - started)

        return do_commit


def _before(
    _connection: Any,
    _cursor: Any,
    sql: str,
    parameters: Any,
    context: Any,
    _many: bool,  # noqa: FBT001
) -> tuple[str, Any]:
    setattr(context, _STARTED, time.perf_counter())
    return sql, parameters


def _rows(cursor: Any) -> int:
    """Return how many rows a result set has, or -1 when the driver has not fetched it or there is none."""
    if cursor.description is None or getattr(cursor, "server_side", False):
        return -1
    held = getattr(cursor, "_rows", None)  # what SQLAlchemy's async cursors have fetched
    return len(held) if held is not None else int(cursor.rowcount)
