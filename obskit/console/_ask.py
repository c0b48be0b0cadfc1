"""Asks a panel's queries, for the time range and the variables that a page shows."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from obskit.console._fill import ALL, Single, fill, times
from obskit.console._model import Board, Panel, Target, Variable
from obskit.console._series import Exemplar, Series, exemplars, instant, matrix, named
from obskit.console._sources import Source, SourceError, Sources
from obskit.console._window import Window, WindowError, duration_s

__all__ = ["Answer", "Question", "ask", "choices", "marks", "question", "values_of"]

POINTS = 300
"""Points of a line across a panel: about one in four pixels."""
_SCRAPE_S = 15.0


@dataclass(frozen=True, slots=True)
class Question:
    """The time range and the variables of a page."""

    window: Window
    variables: Mapping[str, str | tuple[str, ...]]
    scrape_s: float = _SCRAPE_S

    @property
    def step(self) -> float:
        """Seconds between two points."""
        return self.window.step(POINTS, self.scrape_s)

    def fill(self, text: str) -> str:
        """Return *text* with the variables and the times filled in."""
        return fill(text, {**times(self.window, self.step, self.scrape_s), **self.variables})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the queries of one panel answered, by refId."""

    series: Mapping[str, Sequence[Series]]
    exemplars: Sequence[Exemplar] = ()

    @property
    def all(self) -> list[Series]:
        """The series of all queries, in the order of the queries."""
        return [one for found in self.series.values() for one in found]


async def scrape_interval(sources: Sources) -> float:
    """Return how often Prometheus scrapes, in seconds; 15 when it does not say."""
    try:
        answer = await sources.prometheus.get("/api/v1/status/config", fresh_s=60)
        text: str = answer["data"]["yaml"]
        line = next(line for line in text.splitlines() if line.strip().startswith("scrape_interval:"))
        return duration_s(line.partition(":")[2].strip())
    except (SourceError, StopIteration, WindowError):
        return _SCRAPE_S


async def question(sources: Sources, window: Window, variables: Mapping[str, Any]) -> Question:
    """Return what a page asks with; its range is aligned, so that pages beside it ask the same."""
    asked = Question(window, variables, await scrape_interval(sources))
    return replace(asked, window=window.aligned(asked.step))


async def ask(sources: Sources, panel: Panel, asked: Question) -> Answer:
    """Return what all queries of *panel* answer.

    Raises:
        SourceError: one of them could not be asked.
    """
    found = await asyncio.gather(*(_target(sources, target, asked) for target in panel.targets))
    wanted = [target for target in panel.targets if target.json.get("exemplar")]
    behind = await asyncio.gather(
        *(exemplars(sources.prometheus, asked.fill(target.expr), asked.window) for target in wanted)
    )
    refs = [target.ref for target in panel.targets]
    return Answer(dict(zip(refs, found, strict=True)), [each for some in behind for each in some])


async def _target(sources: Sources, target: Target, asked: Question) -> list[Series]:
    expr = asked.fill(target.expr)
    source = source_of(sources, target.source)
    if target.is_instant:
        series = await instant(source, expr, asked.window.end)
    else:
        series = await matrix(source, expr, asked.window, asked.step)
    legend = target.json.get("legendFormat")
    return [replace(one, name=named(one, legend), ref=target.ref) for one in series]


def source_of(sources: Sources, kind: str) -> Source:
    """Return the source of the data source type *kind*."""
    return {"loki": sources.logs, "tempo": sources.traces}.get(kind, sources.prometheus)


async def choices(sources: Sources, variable: Variable, asked: Question) -> list[str]:
    """Return the values that *variable* can have, sorted.

    Raises:
        SourceError: they could not be asked for.
    """
    if variable.type != "query":
        return [item.strip() for item in variable.query.split(",") if item.strip()]
    inner = variable.query.removeprefix("label_values(").removesuffix(")")
    selector, _, label = inner.rpartition(",")
    params = [("start", f"{asked.window.start:.0f}"), ("end", f"{asked.window.end:.0f}")]
    if selector:
        params.append(("match[]", asked.fill(selector)))
    answer = await sources.prometheus.get(f"/api/v1/label/{label.strip()}/values", params, fresh_s=15)
    return sorted(answer["data"])


def values_of(board: Board, chosen: Mapping[str, Sequence[str]]) -> dict[str, str | tuple[str, ...]]:
    """Return the value of each variable of *board*: what the address chose, or the board's own start."""
    values: dict[str, str | tuple[str, ...]] = {}
    for variable in board.variables:
        current = variable.json.get("current") or {}
        start = current.get("value", variable.query if variable.type in {"constant", "textbox"} else "")
        picked = tuple(chosen.get(variable.name) or (start if isinstance(start, list) else [start]))
        if ALL in picked or picked == ("",):
            values[variable.name] = variable.everything if variable.everything is not None else ""
        else:
            # Grafana escapes what may be several for a pattern, and what is one for a text.
            is_one = not variable.is_multi and variable.everything is None
            values[variable.name] = Single(picked) if is_one else picked
    return values


async def marks(sources: Sources, board: Board, asked: Question) -> list[tuple[float, str, str]]:
    """Return the annotations of *board*: Unix seconds, text and Grafana's name of the colour.

    Raises:
        SourceError: they could not be asked for.
    """
    found: list[tuple[float, str, str]] = []
    for annotation in board.annotations:
        series = await matrix(sources.prometheus, asked.fill(annotation["expr"]), asked.window, asked.step)
        for one in series:
            text = named(one, annotation.get("titleFormat"))
            found += [(at, text, annotation.get("iconColor", "blue")) for at in _begins(one, asked.step)]
    return sorted(found)


def _begins(series: Series, step: float) -> list[float]:
    """Return the moments at which *series* came to be: where it goes on is no news."""
    known = [at for at, value in zip(series.times, series.values, strict=True) if not math.isnan(value)]
    before = [float("-inf"), *known]
    return [at for at, last in zip(known, before, strict=False) if at - last > step * 1.5]
