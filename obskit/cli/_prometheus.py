"""Asks Prometheus for numbers and for what fires."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

__all__ = ["Firing", "Prometheus"]


@dataclass(frozen=True, slots=True)
class Firing:
    """One alert that fires, or waits for its ``for``."""

    labels: Mapping[str, str]
    is_pending: bool

    @property
    def name(self) -> str:
        """The alert's name."""
        return self.labels["alertname"]

    @property
    def severity(self) -> str:
        """``page``, ``ticket`` or ``none``."""
        return self.labels.get("severity", "")

    @property
    def is_short(self) -> bool:
        """Whether it ends soon after its cause: not the tickets of an objective, with windows of days."""
        return self.severity != "none" and not (self.severity == "ticket" and "slo" in self.labels)

    @property
    def key(self) -> frozenset[tuple[str, str]]:
        """What tells it from every other alert."""
        return frozenset(self.labels.items())


@dataclass(frozen=True, slots=True)
class Prometheus:
    """The query API of one Prometheus at *url*."""

    url: str
    client: httpx.Client

    def series(self, query: str) -> list[tuple[Mapping[str, str], float]]:
        """Return labels and value of each series of *query* now, without those that are no number.

        Raises:
            httpx.HTTPError: Prometheus does not answer, or refuses the query.
        """
        result = self._get("/api/v1/query", query=query)["result"]
        values = [(row["metric"], float(row["value"][1])) for row in result]
        return [(labels, value) for labels, value in values if math.isfinite(value)]

    def number(self, query: str) -> float | None:
        """Return the value of *query*'s single series now, or None where there is none or it is NaN.

        Raises:
            httpx.HTTPError: Prometheus does not answer, or refuses the query.
        """
        result = self._get("/api/v1/query", query=query)["result"]
        value = float(result[0]["value"][1]) if result else math.nan
        return value if math.isfinite(value) else None

    def alerts(self) -> list[Firing]:
        """Return the alerts that fire or are pending now.

        Raises:
            httpx.HTTPError: Prometheus does not answer.
        """
        rows = self._get("/api/v1/alerts")["alerts"]
        return [Firing(row["labels"], row["state"] != "firing") for row in rows]

    def firing(self, alert: str) -> bool:
        """Tell whether *alert* fires as a page now."""
        return any(
            row.name == alert and row.severity == "page" and not row.is_pending for row in self.alerts()
        )

    def _get(self, path: str, **parameters: str) -> Any:
        response = self.client.get(f"{self.url}{path}", params=parameters)
        response.raise_for_status()
        return response.json()["data"]
