"""The links of alerts: Grafana's in the shipped files, the console's in the copies for this machine."""

import json
import re
from collections.abc import Callable
from urllib.parse import quote, unquote

__all__ = ["BOARDS", "board_url", "console_link", "log_query", "logs_url"]

BOARDS = "http://127.0.0.1:3000"
"""The Grafana of the containers, as a person's browser reaches it."""

_TEMPLATE = re.compile(r"(\{\{.*?\}\})")
_EXPLORE = "/explore?"
_PANES = re.compile(r"panes=([^&]*)")


def board_url(uid: str, service: str) -> str:
    """Return the address of a board for one service; *service* may be a template."""
    return f"{BOARDS}/d/{uid}?var-service={service}"


def logs_url(query: str) -> str:
    """Return the address of Grafana's Explore with *query* in LogQL over the last hour.

    Templates such as ``{{ $labels.service_name }}`` stay as they are: Prometheus fills them in.
    """
    source = {"type": "loki", "uid": "loki"}
    asked = {"refId": "A", "datasource": source, "expr": query}
    pane = {"datasource": "loki", "queries": [asked], "range": {"from": "now-1h", "to": "now"}}
    panes = json.dumps({"a": pane}, separators=(",", ":"))
    return f"{BOARDS}{_EXPLORE}schemaVersion=1&orgId=1&panes={_outside_templates(panes, _quoted)}"


def log_query(url: str) -> str | None:
    """Return the LogQL of an Explore address, or None when *url* is none."""
    found = _PANES.search(url) if _EXPLORE in url else None
    if found is None:
        return None
    panes = json.loads(_outside_templates(found[1], unquote))
    return str(next(iter(panes.values()))["queries"][0]["expr"])


def console_link(url: str) -> str:
    """Return *url* with an Explore address turned into the console's page of logs."""
    query = log_query(url)
    if query is None:
        return url
    return f"{BOARDS}/logs?query={_outside_templates(query, _quoted)}&from=now-1h"


def _outside_templates(text: str, change: Callable[[str], str]) -> str:
    parts = _TEMPLATE.split(text)
    return "".join(part if part.startswith("{{") else change(part) for part in parts)


def _quoted(text: str) -> str:
    return quote(text, safe="")
