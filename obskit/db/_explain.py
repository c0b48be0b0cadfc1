"""Asks the database for the plan of a statement, on a connection of its own."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, Inspector, inspect
from sqlalchemy.exc import NoSuchTableError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import Pool

from obskit.db._plans import Plan, postgresql_plan, sqlite_plan

__all__ = ["Explainer", "Slow"]

_EXPLAINABLE = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})
_TIMEOUT_MS = 5000
_LOCK_TIMEOUT_MS = 1000


@dataclass(frozen=True, slots=True)
class Slow:
    """One slow run: what was sent to the driver, and what it is known as."""

    sql: str
    parameters: Any
    operation: str
    text: str


class Explainer:
    """Explains statements of one engine; *original* is the pool's class before it was watched.

    Each plan has a new connection outside the pool, closed after it: a pool that is used up
    is when plans are wanted most. It is read-only, with time limits, so that nothing that
    is explained can change anything.
    """

    def __init__(self, engine: Engine, original: type[Pool]) -> None:
        self._engine = engine
        self._original = original

    def can(self, slow: Slow) -> bool:
        """Tell whether the statement may be explained: one known statement, not a script."""
        # A second statement would be run, not explained.
        alone = ";" not in slow.sql.rstrip().rstrip(";")
        return (
            alone and slow.operation in _EXPLAINABLE and self._engine.dialect.name in {"sqlite", "postgresql"}
        )

    def plan(self, slow: Slow, *, analyze: bool) -> Plan:
        """Return the plan of the slow statement.

        Raises:
            SQLAlchemyError, OSError, or an error of the driver: the database did not explain it.
        """
        pool = self._engine.pool.recreate()
        pool.__class__ = self._original  # what is watched is the application's use of its pool
        engine = Engine(pool, self._engine.dialect, self._engine.url)
        if not engine.dialect.is_async:
            return _run(engine, slow, analyze)
        return asyncio.run(_run_async(engine, slow, analyze))


def _run(engine: Engine, slow: Slow, analyze: bool) -> Plan:  # noqa: FBT001 - passed through run_sync
    try:
        with engine.connect() as connection:
            return _explain(connection, slow, analyze)
    finally:
        engine.dispose()


async def _run_async(engine: Engine, slow: Slow, analyze: bool) -> Plan:  # noqa: FBT001 - as above
    wrapped = AsyncEngine(engine)
    try:
        async with wrapped.connect() as connection:
            return await connection.run_sync(_explain, slow, analyze)
    finally:
        await wrapped.dispose()


def _explain(connection: Connection, slow: Slow, analyze: bool) -> Plan:  # noqa: FBT001 - as above
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA query_only = ON")
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {slow.sql}", slow.parameters)
        return sqlite_plan(
            [(row[0], row[1], row[3]) for row in rows], slow.text, partial(_indexed, connection)
        )
    connection.exec_driver_sql("SET TRANSACTION READ ONLY")
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {_TIMEOUT_MS}")
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_LOCK_TIMEOUT_MS}")
    options = "ANALYZE, FORMAT JSON" if analyze and slow.operation == "SELECT" else "FORMAT JSON"
    answer = connection.exec_driver_sql(f"EXPLAIN ({options}) {slow.sql}", slow.parameters).scalar_one()
    tree = json.loads(answer) if isinstance(answer, str) else answer
    return postgresql_plan(tree[0]["Plan"], partial(_indexed, connection))


def _indexed(connection: Connection, table: str) -> frozenset[str]:
    """Return the columns of *table* that an index begins with."""
    schema, _, name = table.rpartition(".")
    try:
        inspector: Inspector = inspect(connection)
        found: list[Sequence[str | None]] = [
            *(index["column_names"] for index in inspector.get_indexes(name, schema or None)),
            *(each["column_names"] for each in inspector.get_unique_constraints(name, schema or None)),
            inspector.get_pk_constraint(name, schema or None)["constrained_columns"],
        ]
    except NoSuchTableError:
        return frozenset()  # in another schema than the connection looks at
    return frozenset(columns[0] for columns in found if columns and columns[0])
