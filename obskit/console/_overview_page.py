"""The first page: is anybody paged, which service suffers, and where to look."""

import asyncio
import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass

from obskit.catalog import SERVER_DURATION, SERVICE_LABEL
from obskit.console._ask import Question, question
from obskit.console._html import Html, join, link, tag
from obskit.console._incidents_page import change_rows, incident_rows
from obskit.console._series import instant
from obskit.console._shell import Page, Place, frame, heading
from obskit.console._sources import Sources
from obskit.console._units import unit

__all__ = ["OverviewPage"]

_D = SERVER_DURATION.name
_QUERIES = {
    "up": f'sum by ({SERVICE_LABEL}) (up{{{SERVICE_LABEL}!=""}})',
    "all": f'count by ({SERVICE_LABEL}) (up{{{SERVICE_LABEL}!=""}})',
    "rate": f"sum by ({SERVICE_LABEL}) (rate({_D}_count[$__rate_interval]))",
    "errors": (
        f'(sum by ({SERVICE_LABEL}) (rate({_D}_count{{outcome="server_error"}}[$__rate_interval]))'
        f" or sum by ({SERVICE_LABEL}) (rate({_D}_count[$__rate_interval])) * 0)"
        f" / (sum by ({SERVICE_LABEL}) (rate({_D}_count[$__rate_interval])) > 0)"
    ),
    "p95": f"histogram_quantile(0.95, sum by ({SERVICE_LABEL}, le) (rate({_D}_bucket[$__rate_interval])))",
}
_BAD_RATIO = 0.01
_SLOW_S = 0.5
_OFTEN_S = 10.0
_MOST_CHANGES = 8


@dataclass(frozen=True, slots=True)
class _Service:
    name: str
    values: Mapping[str, float]

    def value(self, name: str) -> float | None:
        found = self.values.get(name)
        return None if found is None or math.isnan(found) else found


class OverviewPage:
    """The open overview."""

    def __init__(self, page: Page, sources: Sources) -> None:
        self._page = page
        self._sources = sources
        self._page.reload = self.read

    def build(self) -> None:
        """Make the page; what it tells comes after it is shown."""
        with frame("Overview", self._page):
            heading("Open incidents")
            self._incidents = Place()
            heading("Services")
            self._services = Place()
            heading("Changes of the last day")
            self._changes = Place()
        self._page.often(_OFTEN_S)

    async def read(self) -> None:
        """Ask the pager and Prometheus."""
        await asyncio.gather(
            self._incidents.put_later(self._open_incidents),
            self._services.put_later(self._table),
            self._changes.put_later(self._newest_changes),
        )

    async def _open_incidents(self) -> Html:
        answer = await self._sources.pager.get("/v1/incidents", (("status", "open"),))
        return incident_rows(answer["incidents"])

    async def _newest_changes(self) -> Html:
        answer = await self._sources.pager.get("/v1/changes", fresh_s=_OFTEN_S)
        since = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
        changes = [each for each in answer["changes"] if dt.datetime.fromisoformat(each["at"]) > since]
        if changes:
            return change_rows(changes[:_MOST_CHANGES])
        return tag("div", "Nobody deployed or changed anything, or nobody told the pager.", class_="empty")

    async def _table(self) -> Html:
        asked = await question(self._sources, self._page.window, {})
        services = await _services(self._sources, asked)
        if not services:
            return tag("div", "No service is scraped yet. Start some with obskit up.", class_="empty")
        names = ("Service", "Instances", "Requests", "Errors", "p95", "")
        head = tag("tr", join([tag("th", name) for name in names]))
        return tag("table", head, join([self._row(service) for service in services]), class_="plain")

    def _row(self, service: _Service) -> Html:
        up, every = service.value("up") or 0, service.value("all") or 0
        errors, p95 = service.value("errors"), service.value("p95")
        board = self._page.address("/d/obskit-service", **{"var-service": service.name})
        logs = self._page.address("/logs", query=f'{{service_name="{service.name}"}}')
        traces = self._page.address("/traces", query=f'{{resource.service.name="{service.name}"}}')
        return tag(
            "tr",
            tag("td", link(service.name, board)),
            tag("td", f"{up:.0f} of {every:.0f}", class_="red" if up < every else "green"),
            tag("td", unit("reqps").text(service.value("rate"))),
            tag("td", unit("percentunit").text(errors), class_="red" if (errors or 0) > _BAD_RATIO else None),
            tag("td", unit("s").text(p95), class_="red" if (p95 or 0) > _SLOW_S else None),
            tag("td", link("Logs", logs), link("Traces", traces, class_="more"), style="text-align: right"),
        )


async def _services(sources: Sources, asked: Question) -> list[_Service]:
    answers = await asyncio.gather(
        *(instant(sources.prometheus, asked.fill(expr), asked.window.end) for expr in _QUERIES.values())
    )
    values: dict[str, dict[str, float]] = {}
    for name, found in zip(_QUERIES, answers, strict=True):
        for one in found:
            service = one.labels.get(SERVICE_LABEL, "")
            values.setdefault(service, {})[name] = one.values[-1]
    services = [_Service(name, known) for name, known in values.items() if name]
    return sorted(services, key=lambda each: (-(each.value("errors") or 0), -(each.value("rate") or 0)))
