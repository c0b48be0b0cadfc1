"""``obskit logs``: ask the log store in LogQL."""

import time
from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import urlencode

import orjson
import typer

from obskit import stack
from obskit.cli import _session
from obskit.cli._client import Api
from obskit.cli._lines import as_text
from obskit.cli._options import HomeOption, JsonOption
from obskit.cli._output import print_json, print_lines

__all__ = ["logs"]

_NS = 1_000_000_000
_LOOK_S = 0.5
_LATE_NS = 5 * _NS
"""A line may come this much later than its own time says; following asks again so far back."""

Query = Annotated[str, typer.Argument(metavar="QUERY", help="LogQL; a bare name is that service.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=5000, help="Lines at most.")]
Since = Annotated[float, typer.Option("--since", metavar="MINUTES", min=0, help="How far back to look.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines until Ctrl-C.")]

Entry = tuple[int, dict[str, str], str]
"""Time in Unix nanoseconds, labels, line."""


def logs(
    query: Query = '{service_name=~".+"}',
    limit: Limit = 100,
    since: Since = 60,
    follow: Follow = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show log lines, oldest first.

    \b
    Example:
      obskit logs orders
      obskit logs '{service_name="gateway", level="error"} | json | status = 502'
      obskit logs '{service_name=~".+"} |= "fault.injected"' --follow
    """
    api = Api(stack.Home.at(home), "loki")
    asked = f'{{service_name="{query}"}}' if query.replace("-", "").replace("_", "").isalnum() else query
    now = time.time_ns()
    answer = _ask(api, asked, now - int(since * 60 * _NS), limit=limit, direction="backward")
    if answer["resultType"] != "streams":
        _show_numbers(answer, as_json=as_json)
        return
    entries = sorted(_entries(answer), key=lambda entry: entry[0])
    _show(entries, as_json=as_json)
    if follow:
        with _session.interruptible():
            _follow(api, asked, entries, now, as_json=as_json)


def _follow(api: Api, query: str, shown: list[Entry], now: int, *, as_json: bool) -> None:
    seen = {(when, line) for when, _, line in shown}
    while True:
        time.sleep(_LOOK_S)
        start, now = now - _LATE_NS, time.time_ns()
        answer = _ask(api, query, start, limit=5000, direction="forward")
        fresh = sorted(
            (entry for entry in _entries(answer) if (entry[0], entry[2]) not in seen),
            key=lambda entry: entry[0],
        )
        _show(fresh, as_json=as_json)
        seen = {key for key in seen if key[0] >= start} | {(when, line) for when, _, line in fresh}


def _ask(api: Api, query: str, start: int, *, limit: int, direction: str) -> Any:
    parameters = {"query": query, "start": start, "limit": limit, "direction": direction}
    return api.call("GET", f"/loki/api/v1/query_range?{urlencode(parameters)}")["data"]


def _entries(answer: Any) -> Iterator[Entry]:
    for each in answer["result"]:
        for when, line, *_ in each["values"]:
            yield int(when), each["stream"], line


def _show(entries: list[Entry], *, as_json: bool) -> None:
    for when, labels, line in entries:
        if as_json:
            print_lines(orjson.dumps({"timestamp_ns": when, "labels": labels, "line": line}).decode())
        else:
            print_lines(as_text(when, labels, line))


def _show_numbers(answer: Any, *, as_json: bool) -> None:
    """Show what a metric query gave: the last value of each series."""
    if as_json:
        print_json(answer)
        return
    for series in answer["result"]:
        labels = ", ".join(f'{name}="{value}"' for name, value in sorted(series["metric"].items()))
        last = (series.get("values") or [series["value"]])[-1]
        print_lines(f"{{{labels}}} {last[1]}")
