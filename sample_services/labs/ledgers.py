"""Reads what the services of a lab have written: the truth about each order, from their databases."""

import asyncio
import math
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

__all__ = ["Ledgers"]

_LOOK_S = 0.1
_SETTLED_S = 90.0


class Ledgers:
    """The databases of orders and inventory in *folder*; *sku* is what all orders are about, one piece each."""

    def __init__(self, folder: Path, sku: str) -> None:
        self._folder = folder
        self._sku = sku

    async def states(self, ids: Iterable[str]) -> dict[str, str]:
        """Return the state of each of these orders."""
        wanted = set(ids)
        rows = await self._rows("orders", "SELECT id, state FROM orders")
        return {row[0]: row[1] for row in rows if row[0] in wanted}

    async def settled(self) -> bool:
        """Wait 90 s at most until no order is pending, and tell whether that is so."""
        deadline = time.monotonic() + _SETTLED_S
        while (await self._number("orders", "SELECT count(*) FROM orders WHERE state = 'pending'")) > 0:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(_LOOK_S)
        return True

    async def done_p95_s(self, ids: Iterable[str]) -> float | None:
        """Return the seconds within which 95 of 100 of these orders were done; None without any."""
        wanted = set(ids)
        sql = "SELECT id, updated_at - created_at FROM orders WHERE state = 'completed'"
        found = sorted(row[1] for row in await self._rows("orders", sql) if row[0] in wanted)
        return round(found[math.ceil(0.95 * len(found)) - 1], 6) if found else None

    async def stock(self) -> int:
        """Return how much is left of the SKU."""
        return int(await self._number("inventory", "SELECT available FROM stock WHERE sku = ?", self._sku))

    async def done_twice(self, stock_before: int) -> int:
        """Return how many pieces were taken beyond one for each completed order; below 0 if too few.

        What a failed order gives back is waited for, 90 s at most.
        """
        deadline = time.monotonic() + _SETTLED_S
        sql = "SELECT count(*) FROM orders WHERE state = 'completed' AND sku = ?"
        while True:
            completed = int(await self._number("orders", sql, self._sku))
            beyond = stock_before - await self.stock() - completed
            if beyond == 0 or time.monotonic() > deadline:
                return beyond
            await asyncio.sleep(_LOOK_S)

    async def _number(self, service: str, sql: str, *values: str) -> float:
        return float((await self._rows(service, sql, *values))[0][0])

    async def _rows(self, service: str, sql: str, *values: str) -> list[tuple[Any, ...]]:
        def read() -> list[tuple[Any, ...]]:
            address = f"file:{self._folder / f'{service}.db'}?mode=ro"
            with closing(sqlite3.connect(address, uri=True, timeout=10.0)) as connection:
                return connection.execute(sql, values).fetchall()

        return await asyncio.to_thread(read)
