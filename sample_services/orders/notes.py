"""Notes on orders, as customer service writes them: a table beside the orders, found by its index."""

from sqlalchemy import Column, Float, Index, Integer, String, Table, bindparam, delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from sample_services.database import Database
from sample_services.orders.models import TABLES

__all__ = ["INDEX", "Notes", "notes"]

INDEX = "order_notes_order"
"""What finds the notes of an order; without it every lookup reads the whole table."""

notes = Table(
    "order_notes",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("order_id", String(36), nullable=False),
    Column("text", String(200), nullable=False),
    Column("created_at", Float, nullable=False),
    Index(INDEX, "order_id"),
)

_OLD = "00000000-0000-4000-8000-000000000000"
"""An order that nobody asks for."""
_CHUNK = 20_000

_COUNT = select(func.count()).select_from(notes).where(notes.c.order_id == bindparam("order_id"))
_FILL = text(
    "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :rows) "
    "INSERT INTO order_notes (order_id, text, created_at) "
    "SELECT :old, 'Asked where the parcel is.', 0 FROM numbers"
)


class Notes:
    """The notes of every order."""

    table = notes

    def __init__(self, database: Database) -> None:
        self._database = database

    @staticmethod
    async def count(connection: AsyncConnection, order_id: str) -> int:
        """Return how many notes an order has."""
        return int((await connection.execute(_COUNT, {"order_id": order_id})).scalar_one())

    async def fill(self, rows: int) -> None:
        """Add *rows* notes on orders of long ago, in one transaction."""
        async with self._database.write_once() as connection:
            await connection.execute(_FILL, {"rows": rows, "old": _OLD})

    async def clear(self) -> None:
        """Delete what :meth:`fill` added, some thousand in a transaction."""
        oldest = select(notes.c.id).where(notes.c.created_at == 0.0).limit(_CHUNK)
        deleted = _CHUNK
        while deleted == _CHUNK:
            async with self._database.write_once() as connection:
                deleted = (await connection.execute(delete(notes).where(notes.c.id.in_(oldest)))).rowcount
