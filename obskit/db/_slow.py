"""Reports slow statements with their plan, off the request's path."""

import contextvars
import os
import queue
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from obskit._code import location
from obskit._guard import guarded
from obskit.catalog import DB_SLOW
from obskit.db._explain import Explainer, Slow
from obskit.db._owner import Owner
from obskit.db._plans import Plan
from obskit.db._statements import Statement

__all__ = ["SlowReports"]

_WAITING = 32
"""Reports that wait for their plan at most; further ones are written without."""
_EVERY_S = 1.0
"""One line a second for each statement at most: a slow database makes every statement slow."""
_PLAN_FOR_S = 300.0
"""A plan is asked for again after this time."""
_KEPT = 500
_IDLE_S = 5.0


@dataclass(slots=True)
class _Known:
    """What was reported of one statement."""

    logged_at: float = float("-inf")
    unlogged: int = 0
    planned_at: float = float("-inf")
    plan: Plan | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Report:
    owner: Owner
    known: _Known
    slow: Slow
    fields: dict[str, Any]
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    """The request's: its trace and its bound fields are on the line that another thread writes."""


class SlowReports:
    """Counts slow statements of one engine and writes ``db.query_slow``, each with a plan if there is one.

    One thread at most asks for plans, one at a time; it ends when it has nothing to do.
    """

    def __init__(self, explainer: Explainer, *, in_memory: bool) -> None:
        self._explainer = explainer
        self._in_memory = in_memory
        self._known: dict[Statement, _Known] = {}
        self._reset()

    def _reset(self) -> None:
        self._waiting: queue.Queue[_Report] = queue.Queue(_WAITING)
        self._lock = threading.Lock()
        self._running = False
        self._process = os.getpid()

    def add(self, owner: Owner, statement: Statement, sql: str, parameters: Any, duration_s: float) -> None:
        """Count a slow run of *statement* and have it reported, once a second for each statement."""
        owner.metrics.counter(DB_SLOW, statement.operation, statement.collection).inc()
        known = self._of(statement)
        now = time.monotonic()
        if now - known.logged_at < _EVERY_S:
            known.unlogged += 1
            return
        fields = {
            "statement": statement.text,
            "operation": statement.operation,
            "collection": statement.collection,
            "duration_ms": round(duration_s * 1e3, 3),
            "threshold_ms": owner.settings.db_slow_ms,
            "unlogged": known.unlogged,
            "code": location(),
        }
        known.logged_at, known.unlogged = now, 0
        report = _Report(owner, known, Slow(sql, parameters, statement.operation, statement.text), fields)
        if not self._wants_plan(report, now) or not self._hand_over(report):
            _write(report)

    def _of(self, statement: Statement) -> _Known:
        known = self._known.get(statement)
        if known is None:
            while len(self._known) >= _KEPT:
                self._known.pop(next(iter(list(self._known)), statement), None)
            known = self._known[statement] = _Known()
        return known

    def _wants_plan(self, report: _Report, now: float) -> bool:
        if report.owner.settings.db_explain == "off" or not self._explainer.can(report.slow):
            return False
        if self._in_memory:
            report.known.problem = "the database is in memory: only its own connection sees it"
            return False
        return now - report.known.planned_at > _PLAN_FOR_S

    def _hand_over(self, report: _Report) -> bool:
        if self._process != os.getpid():
            self._reset()  # a forked child has no thread of ours
        try:
            self._waiting.put_nowait(report)
        except queue.Full:
            return False
        with self._lock:
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="obskit-plans", daemon=True).start()
        return True

    def _run(self) -> None:
        while True:
            try:
                report = self._waiting.get(timeout=_IDLE_S)
            except queue.Empty:
                with self._lock:
                    if self._waiting.empty():
                        self._running = False
                        return
                continue
            with guarded("slow query report"):
                self._plan(report)
                report.context.run(_write, report)

    def _plan(self, report: _Report) -> None:
        known, analyze = report.known, report.owner.settings.db_explain == "analyze"
        known.planned_at = time.monotonic()
        known.plan, known.problem = self._try(report.slow, analyze=analyze)
        if known.plan is None and analyze:
            # A SELECT that writes or locks is refused when it would be run: explain it only.
            known.plan, known.problem = self._try(report.slow, analyze=False)

    def _try(self, slow: Slow, *, analyze: bool) -> tuple[Plan | None, str]:
        try:
            return self._explainer.plan(slow, analyze=analyze), ""
        except (SQLAlchemyError, OSError, ValueError, LookupError) as error:
            # By its class only: the text of the error may repeat values.
            return None, type(getattr(error, "orig", None) or error).__name__


def _write(report: _Report) -> None:
    known, fields = report.known, dict(report.fields)
    if known.plan is not None:
        fields |= {"plan": list(known.plan.lines), "findings": list(known.plan.findings)}
    elif known.problem:
        fields["plan_problem"] = known.problem
    report.owner.pipe.emit("warning", "db.query_slow", fields)
