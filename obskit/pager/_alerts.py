"""Reads which alerts Alertmanager says are firing, out of an event's details."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from obskit.pager._text import one_line

__all__ = ["firing", "moved", "short"]

_ALERT = re.compile(r"([A-Za-z_:][\w:]*)\{(.*)\}", re.DOTALL)
_PAIR = re.compile(r'(\w+)="(.*?)"(?=, \w+="|$)', re.DOTALL)
_ROUTING = frozenset({"category", "service_name", "severity", "team"})
"""Labels that say where an alert goes; the head of the incident shows them."""
_TELLING = 4
_NAMED = "firing_alerts"
_BLOCK, _END, _LABEL = "Labels:", "Annotations:", " - "


def firing(details: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the names of the firing alerts, or None where the details do not name them.

    1. The detail ``firing_alerts`` names one alert a line; obskit's routes send it.
    2. The detail ``firing`` as Alertmanager fills it by default: blocks of ``Labels:``, one
       `` - name = value`` a line, then ``Annotations:``, whose values may hold line ends.
    """
    named, text = details.get(_NAMED), details.get("firing")
    if isinstance(named, str):
        return frozenset(line.strip() for line in named.splitlines() if line.strip())
    if isinstance(text, str) and text.startswith(_BLOCK):
        return frozenset(_named(labels) for labels in _blocks(text))
    return None


def short(names: Iterable[str], details: Mapping[str, Any]) -> dict[str, str]:
    """Return for each of *names* how to call it so that it is told apart from the others.

    Labels that all of them share say nothing, nor do those of a single alert that the
    incident shows anyway. A name that is no alert of Prometheus stays as it is.
    """
    parsed = {name: _parsed(name) for name in names}
    if len(parsed) == 1:
        ((name, (alert, labels)),) = parsed.items()
        new = [pair for pair in labels.items() if pair[0] not in _ROUTING and details.get(pair[0]) != pair[1]]
        return {name: _written(alert, dict(new[:_TELLING]))}
    shared = set.intersection(*(set(labels.items()) for _, labels in parsed.values())) if parsed else set()
    return {
        name: _written(alert, {key: value for key, value in labels.items() if (key, value) not in shared})
        for name, (alert, labels) in parsed.items()
    }


def _parsed(name: str) -> tuple[str, dict[str, str]]:
    match = _ALERT.fullmatch(name)
    return (match[1], dict(_PAIR.findall(match[2]))) if match else (one_line(name, 200), {})


def moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return what to say of the alerts that joined, and of the ones that left.

    Where the alerts have no names, their number is all there is to say.
    """
    earlier, later = firing(before), firing(after)
    if earlier is not None and later is not None:
        called = short(earlier | later, {**before, **after})
        return (
            [f"{called[name]} fires too." for name in sorted(later - earlier)],
            [f"{called[name]} no longer fires." for name in sorted(earlier - later)],
        )
    had, has = _count(before), _count(after)
    if had is None or has is None or had == has:
        return [], []
    said = [f"{has} {'alert fires' if has == 1 else 'alerts fire'} now, {had} before."]
    return (said, []) if has > had else ([], said)


def _blocks(text: str) -> list[dict[str, str]]:
    alerts: list[dict[str, str]] = []
    labels: dict[str, str] | None = None
    for line in text.splitlines():
        if line == _BLOCK:
            labels = {}
            alerts.append(labels)
        elif line == _END:
            labels = None
        elif labels is not None and line.startswith(_LABEL):
            name, _, value = line.removeprefix(_LABEL).partition(" = ")
            labels[name] = value
    return alerts


def _named(labels: Mapping[str, str]) -> str:
    rest = {name: value for name, value in sorted(labels.items()) if name != "alertname"}
    return _written(labels.get("alertname", "alert"), rest)


def _written(name: str, labels: Mapping[str, str]) -> str:
    rest = ", ".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{name}{{{rest}}}" if rest else name


def _count(details: Mapping[str, Any]) -> int | None:
    count = details.get("num_firing")
    return int(count) if isinstance(count, str) and count.isascii() and count.isdigit() else None
