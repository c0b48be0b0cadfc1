"""Asks Prometheus for single numbers and for what fires."""

import math
from dataclasses import dataclass
from typing import Any

import httpx

__all__ = ["Prometheus"]


@dataclass(frozen=True, slots=True)
class Prometheus:
    """The query API of one Prometheus at *url*."""

    url: str
    client: httpx.Client

    def number(self, query: str) -> float | None:
        """Return the value of *query*'s single series now, or None where there is none or it is NaN.

        Raises:
            httpx.HTTPError: Prometheus does not answer, or refuses the query.
        """
        result = self._get("/api/v1/query", query=query)["result"]
        value = float(result[0]["value"][1]) if result else math.nan
        return value if math.isfinite(value) else None

    def firing(self, alert: str) -> bool:
        """Tell whether *alert* fires as a page now."""
        return any(
            row["labels"]["alertname"] == alert
            and row["labels"].get("severity") == "page"
            and row["state"] == "firing"
            for row in self._get("/api/v1/alerts")["alerts"]
        )

    def _get(self, path: str, **parameters: str) -> Any:
        response = self.client.get(f"{self.url}{path}", params=parameters)
        response.raise_for_status()
        return response.json()["data"]
