"""Reads which alerts Alertmanager says are firing, out of an event's details."""

from collections.abc import Mapping
from typing import Any

__all__ = ["firing", "moved"]

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


def moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return what to say of the alerts that joined, and of the ones that left.

    Where the alerts have no names, their number is all there is to say.
    """
    earlier, later = firing(before), firing(after)
    if earlier is not None and later is not None:
        return (
            [f"{name} fires too." for name in sorted(later - earlier)],
            [f"{name} no longer fires." for name in sorted(earlier - later)],
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
    rest = ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()) if name != "alertname")
    return f"{labels.get('alertname', 'alert')}{{{rest}}}"


def _count(details: Mapping[str, Any]) -> int | None:
    count = details.get("num_firing")
    return int(count) if isinstance(count, str) and count.isascii() and count.isdigit() else None
