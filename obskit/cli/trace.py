"""``obskit trace``: a trace as a waterfall, with its log lines."""

import re
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from obskit import stack
from obskit.cli._client import Api
from obskit.cli._lines import as_text
from obskit.cli._options import HomeOption, JsonOption
from obskit.cli._output import print_json, print_lines
from obskit.cli._waterfall import Span, read_spans, waterfall
from obskit.errors import StackError

__all__ = ["trace"]

_MINUTE_NS = 60_000_000_000

TraceId = Annotated[str, typer.Argument(metavar="ID", help="Trace id: 32 hex digits, as in log lines.")]


def trace(trace_id: TraceId, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show one trace: who called whom, for how long, and what was logged meanwhile.

    \b
    Example:
      obskit trace 4bf92f3577b34da6a3ce929d0e0e4736
    """
    if not re.fullmatch("[0-9a-fA-F]{1,32}", trace_id):
        msg = f"{trace_id!r} is not a trace id; use up to 32 hex digits."
        raise typer.BadParameter(msg)
    chosen = stack.Home.at(home)
    answer = Api(chosen, "tempo").call("GET", f"/api/v2/traces/{trace_id}")
    if as_json:
        print_json(answer)
        return
    spans = read_spans(answer or {})
    if not spans:
        msg = f"There is no trace {trace_id}; spans arrive about a second after they end."
        raise StackError(msg, fix="obskit logs, and take a trace_id from a line")
    services = len({span.service for span in spans})
    took = (max(span.end for span in spans) - spans[0].start) / 1e6
    print_lines(f"{len(spans)} spans, {services} services, {took:.1f} ms", "", *waterfall(spans))
    print_lines("", *(as_text(*entry) for entry in _lines(chosen, trace_id, spans)))


def _lines(home: stack.Home, trace_id: str, spans: list[Span]) -> list[tuple[int, dict[str, str], str]]:
    parameters = {
        "query": f'{{service_name=~".+"}} | trace_id="{trace_id.lower().zfill(32)}"',
        "start": spans[0].start - _MINUTE_NS,
        "end": max(span.end for span in spans) + _MINUTE_NS,
        "limit": 1000,
    }
    answer: Any = Api(home, "loki").call("GET", f"/loki/api/v1/query_range?{urlencode(parameters)}")
    found = [
        (int(when), stream["stream"], line)
        for stream in answer["data"]["result"]
        for when, line, *_ in stream["values"]
    ]
    return sorted(found, key=lambda entry: entry[0])
