"""Asks Prometheus, Loki and Tempo, or what answers like them, over HTTP."""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import ProxyHandler, build_opener

from obskit.boards._model import JSON
from obskit.boards._promql import filled
from obskit.errors import ConfigError, StackError

__all__ = ["Answer", "Moment", "Stores"]

_TIMEOUT_S = 30
_POINTS = 60
_DURATION = re.compile(r"(\d+)(ms|s|m|h)")
_UNITS_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
_SCRAPE = re.compile(r"^\s*scrape_interval:\s*(\S+)", re.MULTILINE)
_LABEL_VALUES = re.compile(r"label_values\((.*), (\w+)\)")
_DEFAULT_SCRAPE_S = 15.0


@dataclass(frozen=True, slots=True)
class Moment:
    """The time range that is asked for: *range_s* seconds up to *end*, in Unix seconds."""

    end: float
    range_s: float = 3600
    scrape_s: float = _DEFAULT_SCRAPE_S

    @property
    def step_s(self) -> float:
        """Seconds between two points of a graph."""
        return max(self.range_s / _POINTS, self.scrape_s)

    def variables(self) -> dict[str, str]:
        """Return Grafana's own variables, as Grafana would fill them in."""
        rate = max(self.step_s + self.scrape_s, 4 * self.scrape_s)
        return {
            "__rate_interval": f"{rate:.0f}s",
            "__range": f"{self.range_s:.0f}s",
            "__interval": f"{self.step_s:.0f}s",
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """What a store answered: how many series, streams or traces, their values, or why not."""

    count: int = 0
    values: tuple[tuple[float, ...], ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Stores:
    """Addresses of the stores; one that is empty is not asked."""

    prometheus: str
    loki: str = ""
    tempo: str = ""

    def __post_init__(self) -> None:
        for name in ("prometheus", "loki", "tempo"):
            address = getattr(self, name)
            if address and urlsplit(address).scheme not in {"http", "https"}:
                msg = f"{address!r} is not the address of a {name}; write it as http://host:port."
                raise ConfigError(msg)

    def has(self, kind: str) -> bool:
        """Whether the store *kind* can be asked."""
        return bool(getattr(self, kind))

    def scrape_s(self) -> float:
        """Return the seconds between two scrapes, as Prometheus is configured.

        Raises:
            StackError: Prometheus cannot be reached.
        """
        config = _get(f"{self.prometheus}/api/v1/status/config").get("data", {}).get("yaml", "")
        found = _SCRAPE.search(config)
        parts = _DURATION.findall(found[1]) if found else []
        return sum(int(number) * _UNITS_S[unit] for number, unit in parts) or _DEFAULT_SCRAPE_S

    def choices(self, board: JSON, moment: Moment) -> dict[str, str]:
        """Return the value of each variable of *board*: all, or its default where the store has that."""
        values: dict[str, str] = {}
        for variable in board.get("templating", {}).get("list", []):
            if variable["type"] != "query":
                continue
            chosen = variable.get("current", {}).get("value", "")
            if variable.get("multi"):
                values[variable["name"]] = variable.get("allValue", ".+")
            else:
                there = self._label_values(variable["definition"], values, moment)
                values[variable["name"]] = chosen if chosen in there or not there else there[0]
        return values

    def ask(self, kind: str, query: str, moment: Moment, *, instant: bool) -> Answer:
        """Ask the store *kind*; what it refuses is in the answer.

        Raises:
            StackError: the store cannot be reached.
        """
        url = getattr(self, f"_{kind}_url")(query, moment, instant=instant)
        try:
            answer = _get(url)
        except _RefusedError as error:
            return Answer(problem=str(error))
        return _READ[kind](answer)

    def _label_values(self, definition: str, values: dict[str, str], moment: Moment) -> list[str]:
        found = _LABEL_VALUES.fullmatch(definition)
        if found is None:
            return []
        selector, label = filled(found[1], values), found[2]
        span = {"match[]": selector, "start": moment.end - moment.range_s, "end": moment.end}
        listed: list[str] = _get(f"{self.prometheus}/api/v1/label/{quote(label)}/values?{urlencode(span)}")[
            "data"
        ]
        return listed

    def _prometheus_url(self, query: str, moment: Moment, *, instant: bool) -> str:
        if instant:
            return f"{self.prometheus}/api/v1/query?{urlencode({'query': query, 'time': moment.end})}"
        start = moment.end - moment.range_s + moment.step_s
        span = {"query": query, "start": start, "end": moment.end, "step": moment.step_s}
        return f"{self.prometheus}/api/v1/query_range?{urlencode(span)}"

    def _loki_url(self, query: str, moment: Moment, *, instant: bool) -> str:  # noqa: ARG002 - lines have no instant
        start, end = (f"{(moment.end - back) * 1e9:.0f}" for back in (moment.range_s, 0))
        asked = {"query": query, "start": start, "end": end, "limit": 100, "direction": "backward"}
        return f"{self.loki}/loki/api/v1/query_range?{urlencode(asked)}"

    def _tempo_url(self, query: str, moment: Moment, *, instant: bool) -> str:  # noqa: ARG002 - nor have traces
        asked = {"q": query, "start": f"{moment.end - moment.range_s:.0f}", "end": f"{moment.end:.0f}"}
        return f"{self.tempo}/api/search?{urlencode({**asked, 'limit': 20})}"


class _RefusedError(Exception):
    """A store answered with an error."""


def _read_prometheus(answer: JSON) -> Answer:
    result = answer["data"]["result"]
    values = tuple(tuple(float(value) for _, value in one.get("values") or [one["value"]]) for one in result)
    return Answer(count=len(result), values=values)


def _read_loki(answer: JSON) -> Answer:
    return Answer(count=len(answer["data"]["result"]))


def _read_tempo(answer: JSON) -> Answer:
    return Answer(count=len(answer.get("traces") or []))


_READ = {"prometheus": _read_prometheus, "loki": _read_loki, "tempo": _read_tempo}


@lru_cache(maxsize=1)
def _opener() -> Any:
    # A proxy of the user's environment is not between this machine and its own stores.
    return build_opener(ProxyHandler({}))


def _get(url: str) -> JSON:
    place = "://".join(urlsplit(url)[:2])
    try:
        with _opener().open(url, timeout=_TIMEOUT_S) as answer:
            content: JSON = json.load(answer)
            return content
    except HTTPError as error:
        said = error.read().decode(errors="replace")[:300]
        msg = f"{place} answered {error.code}: {said}"
        raise _RefusedError(msg) from error
    except (OSError, HTTPException) as error:
        msg = f"{place} does not answer ({error})."
        raise StackError(
            msg, fix="obskit up, or name the stores with --prometheus, --loki and --tempo"
        ) from error
    except ValueError as error:
        msg = f"{place} did not answer in JSON."
        raise _RefusedError(msg) from error
