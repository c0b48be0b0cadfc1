"""Looks at the running stack: its stores, its alerts, its incidents and its pages."""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx

from obskit import stack
from obskit.boards import Moment, Stores, panel_queries
from obskit.cli._client import Api
from obskit.cli._prometheus import Prometheus
from obskit.cli._verify._promise import Promise

__all__ = ["Eyes", "Reading"]

_RATE_S = 10
_RANGE_S = 30
"""What a person would see who looks at the last half minute: long windows would hide when it began."""

_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Reading:
    """The lowest and the highest value that a panel showed at one moment; None where it was empty."""

    lowest: float | None
    highest: float | None

    @property
    def values(self) -> tuple[float, ...]:
        """The values that there are."""
        return tuple(value for value in (self.lowest, self.highest) if value is not None)


@dataclass(frozen=True, slots=True)
class Eyes:
    """Whom to ask about the stack in *home*."""

    home: stack.Home
    prometheus: Prometheus
    client: httpx.Client

    @classmethod
    def on(cls, home: stack.Home, client: httpx.Client) -> "Eyes":
        """Look at the stack in *home* through *client*."""
        return cls(home, Prometheus(stack.current_address(home, "prometheus"), client), client)

    def panel(self, promise: Promise) -> Reading:
        """Ask every query of the row's panel, and keep the series that the row is about.

        Raises:
            httpx.HTTPError: Prometheus does not answer, or refuses a query.
            ConfigError: there is no such panel.
            StackError: the store cannot be reached.
        """
        moment = Moment(end=time.time(), range_s=_RANGE_S * 10, scrape_s=1)
        span = {"__rate_interval": f"{_RATE_S}s", "__range": f"{_RANGE_S}s", "__interval": "1s"}
        queries = panel_queries(
            promise.board,
            promise.panel,
            stores=Stores(self.prometheus.url),
            moment=moment,
            variables=span,
        )
        values = [
            value
            for query in queries
            for labels, value in self.prometheus.series(query)
            if promise.where.items() <= labels.items()
        ]
        return Reading(min(values, default=None), max(values, default=None))

    def line(self, promise: Promise, since: float) -> dict[str, Any] | None:
        """Return labels and text of a log line with the row's event since *since*, in Unix seconds.

        Raises:
            StackError: the log store does not answer, or refuses the query.
        """
        tests = "".join(f' | {name}="{_text(value)}"' for name, value in promise.fields.items())
        stream = f'{{service_name=~"{promise.seen_in or ".+"}"}}'
        query = f'{stream} |= `{promise.event}` | json | event="{promise.event}"{tests}'
        found = self.lines(query, since)
        return found[0] if found else None

    def lines(self, query: str, since: float) -> list[dict[str, Any]]:
        """Return lines that *query* finds since *since*, in Unix seconds.

        Raises:
            StackError: the log store does not answer, or refuses the query.
        """
        asked = {"query": query, "start": int(since * _NS), "end": time.time_ns(), "limit": 20}
        answer = Api(self.home, "loki").call("GET", f"/loki/api/v1/query_range?{urlencode(asked)}")
        streams = answer["data"]["result"]
        return [
            {"labels": stream["stream"], "line": value[1]} for stream in streams for value in stream["values"]
        ]

    def trace(self, promise: Promise, since: float) -> dict[str, Any] | None:
        """Return a trace that began after *since*, in Unix seconds, and has a span with the row's attribute.

        Raises:
            StackError: the trace store does not answer, or refuses the search.
        """
        value = promise.attribute_value
        test = "!= nil" if value is None else f"= {_literal(value)}"
        service = f' && resource.service.name = "{promise.seen_in}"' if promise.seen_in else ""
        asked = {
            "q": f"{{span.{promise.attribute} {test}{service}}}",
            # A trace that began before may have gone on: a consumer's does.
            "start": int(since) - 1,
            "end": int(time.time()) + 1,
            "limit": 50,
        }
        found = Api(self.home, "tempo").call("GET", f"/api/search?{urlencode(asked)}").get("traces") or []
        fresh = [row for row in found if _latest_ns(row) >= since * _NS]
        return fresh[0] if fresh else None

    def incidents(self, since: datetime) -> list[dict[str, Any]]:
        """Return the incidents that were opened since *since*.

        Raises:
            StackError: the pager does not answer.
        """
        rows = Api(self.home, "pager").call("GET", "/v1/incidents?limit=200")["incidents"]
        return [row for row in rows if datetime.fromisoformat(row["created_at"]) >= since]

    def incident(self, incident_id: str) -> dict[str, Any]:
        """Return one incident as it is now.

        Raises:
            StackError: the pager does not answer.
        """
        found: dict[str, Any] = Api(self.home, "pager").call("GET", f"/v1/incidents/{incident_id}")
        return found


def _text(value: Any) -> str:
    """Return *value* as it stands in JSON, without the quotes of a text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _literal(value: Any) -> str:
    """Return *value* as TraceQL has it: a text in quotes, numbers and true as they are."""
    return f'"{value}"' if isinstance(value, str) else _text(value)


def _latest_ns(row: dict[str, Any]) -> int:
    """Return when the last of the spans that were found began."""
    sets = row.get("spanSets") or [row.get("spanSet") or {}]
    begun = [int(span["startTimeUnixNano"]) for one in sets for span in one.get("spans", ())]
    return max(begun, default=int(row.get("startTimeUnixNano", 0)))
