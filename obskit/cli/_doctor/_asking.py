"""Asks the Prometheus of a running stack."""

from typing import Any

from obskit import stack
from obskit.cli._client import Api

__all__ = ["asked", "number", "prometheus"]

_TIMEOUT_S = 3.0


def prometheus(home: stack.Home) -> Api:
    """Return the API of the Prometheus in *home*."""
    return Api(home, "prometheus", _TIMEOUT_S)


def asked(home: stack.Home, query: str) -> list[dict[str, Any]]:
    """Return the rows that answer *query* now.

    Raises:
        StackError: Prometheus does not answer, or refuses.
    """
    answer = prometheus(home).call("GET", "/api/v1/query", parameters={"query": query})
    return list(answer["data"]["result"])


def number(rows: list[dict[str, Any]]) -> float:
    """Return the value of the first row; 0.0 where there is none."""
    return float(rows[0]["value"][1]) if rows else 0.0
