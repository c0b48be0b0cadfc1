"""Where a click leads: the data links of a board, filled in, and their Explore addresses as pages of the console."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from obskit.console._ask import Question
from obskit.console._fill import fill

__all__ = ["Onward", "explored", "links", "local"]

_PAGES = ("/d/", "/explore", "/logs", "/traces")
_HERE = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Onward:
    """One link: what it is called, and where it goes."""

    title: str
    url: str


def links(listed: list[Mapping[str, Any]], asked: Question, point: Mapping[str, str]) -> list[Onward]:
    """Return the links in *listed* that can be filled in.

    Args:
        listed: links of a panel, in Grafana's form.
        asked: the time range and variables of the page.
        point: what was clicked: ``__field.labels.<label>``, ``__data.fields.<column>``,
            ``__value.time`` in milliseconds; empty for the panel as a whole.
    """
    window = asked.window
    span = urlencode({"from": f"{window.start * 1000:.0f}", "to": f"{window.end * 1000:.0f}"})
    values = {"__url_time_range": span, "__value.time": f"{window.end * 1000:.0f}", **point}
    found = []
    for link in listed:
        url = fill(asked.fill(str(link["url"])), values)
        if "${__" not in url:
            found.append(Onward(str(link["title"]), explored(url)))
    return found


def explored(url: str) -> str:
    """Return the console's page for a Grafana Explore address; any other address as it is."""
    parts = urlsplit(url)
    if parts.path != "/explore" or parts.netloc:
        return url
    panes = parse_qs(parts.query).get("panes")
    if not panes:
        return url
    try:
        pane = next(iter(json.loads(panes[0]).values()))
        asked, times = pane["queries"][0], pane.get("range", {})
    except (ValueError, KeyError, IndexError, StopIteration):
        return url
    kind = asked.get("datasource", {}).get("type")
    page = {"loki": "/logs", "tempo": "/traces"}.get(kind, "/query")
    query = {"query": asked.get("expr") or asked.get("query") or _search(asked)}
    return f"{page}?{urlencode({**query, **{name: str(value) for name, value in times.items()}})}"


def local(url: str) -> str:
    """Return an address of a board or of Explore as a page here, wherever it points to; others as they are.

    Alerts name the address of whatever shows the boards; the one who reads them here wants to stay.
    """
    parts = urlsplit(url)
    if parts.hostname not in _HERE or not parts.path.startswith(_PAGES):
        return url
    return explored(urlunsplit(("", "", parts.path, parts.query, "")))


def _search(asked: Mapping[str, Any]) -> str:
    """Return the TraceQL of a search that was built from filters."""
    tests = []
    for item in asked.get("filters", []):
        scope = item.get("scope", "")
        name = item["tag"] if scope in {"", "intrinsic"} else f"{scope}.{item['tag']}"
        value = item.get("value", "")
        values = value if isinstance(value, list) else [value]
        written = [f'"{each}"' if item.get("valueType") == "string" else str(each) for each in values]
        tests.append(" || ".join(f"{name}{item.get('operator', '=')}{each}" for each in written))
    return "{" + " && ".join(f"({test})" if "||" in test else test for test in tests) + "}"
