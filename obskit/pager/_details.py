"""Puts an incident's details into the order in which a person needs them."""

from collections.abc import Mapping
from typing import Any

import orjson

from obskit.pager._text import one_line, printable

__all__ = ["readable"]

_FIRST = ("firing", "impact", "action")
"""What is wrong, whom it hurts, what to do."""

_ELSEWHERE = frozenset({"firing_alerts", "num_firing", "num_resolved", "runbook", "service_name"})
"""What the head, the links or the timeline say already; the JSON of the incident has them too."""


def readable(details: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the details that say something as name and text; what is not text is shown as JSON."""
    names = [*(name for name in _FIRST if name in details), *(name for name in details if name not in _FIRST)]
    shown = ((one_line(name, 200), _as_text(details[name])) for name in names if name not in _ELSEWHERE)
    return [(name, text) for name, text in shown if text]


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return printable(value.rstrip())
    return printable(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
