"""Counts the statements of one request or message, and finds those that it repeats (N+1)."""

from opentelemetry import context as otel_context
from opentelemetry.context import Context

from obskit._code import location
from obskit.catalog import DB_N_PLUS_ONE, DB_QUERIES
from obskit.context import RequestScope
from obskit.db._owner import Owner
from obskit.db._statements import Statement

__all__ = ["count"]

_REPEATABLE = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE"})
_KEPT = 1000
"""Different statements of one request that are told apart."""


def count(scope: RequestScope, statement: Statement, owner: Owner) -> None:
    """Count one run of *statement* in *scope*; what it amounts to is reported when the scope ends."""
    counted: _Counted | None = scope.statements
    if counted is None:
        if not scope.entered:
            return
        scope.statements = counted = _Counted(scope, owner)
        scope.on_end(counted.report)
    counted.add(statement)


class _Counted:
    __slots__ = ("_counts", "_owner", "_repeated", "_scope", "_threshold", "_total")

    def __init__(self, scope: RequestScope, owner: Owner) -> None:
        self._scope = scope
        self._owner = owner
        self._threshold = owner.settings.db_repeats
        self._total = 0
        self._counts: dict[Statement, int] = {}
        self._repeated: dict[Statement, tuple[str, Context]] = {}

    def add(self, statement: Statement) -> None:
        self._total += 1
        self._scope.attributes["obskit.db.queries"] = self._total
        counts = self._counts
        times = counts.get(statement, 0) + 1
        if times > 1 or len(counts) < _KEPT:
            counts[statement] = times
        if times == self._threshold and statement.operation in _REPEATABLE:
            # Where it comes from can be seen now only; how often it ran, at the end only.
            self._repeated[statement] = location(), otel_context.get_current()
            self._scope.attributes["obskit.db.n_plus_one"] = tuple(each.summary for each in self._repeated)

    def report(self) -> None:
        """Write what the request came to."""
        scope, metrics = self._scope, self._owner.metrics
        metrics.histogram(DB_QUERIES, scope.route, scope.destination).observe(self._total)
        for collection in {statement.collection for statement in self._counts}:
            # At 0 from the start: increase() does not see a counter that is born at 1.
            metrics.counter(DB_N_PLUS_ONE, scope.route, scope.destination, collection)
        for statement, (code, context) in self._repeated.items():
            metrics.counter(DB_N_PLUS_ONE, scope.route, scope.destination, statement.collection).inc()
            token = otel_context.attach(context)
            try:
                self._owner.pipe.emit("warning", "db.n_plus_one", self._fields(statement, code))
            finally:
                otel_context.detach(token)

    def _fields(self, statement: Statement, code: str) -> dict[str, object]:
        fields: dict[str, object] = {
            "statement": statement.text,
            "count": self._counts[statement],
            "operation": statement.operation,
            "collection": statement.collection,
            "code": code,
        }
        if self._scope.route:
            fields["route"] = self._scope.route
        if self._scope.destination:
            fields["destination"] = self._scope.destination
        return fields
