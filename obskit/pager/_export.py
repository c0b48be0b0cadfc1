"""Writes an incident as Markdown, for a ticket or a postmortem."""

import re
from collections.abc import Iterator, Sequence

from obskit.pager._change_log import ChangeEvent
from obskit.pager._details import readable
from obskit.pager._incident import Entry, Incident
from obskit.pager._text import ago, one_line, utc

__all__ = ["as_markdown"]

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+!|~&])")
_FENCE = re.compile(r"`{3,}")


def as_markdown(incident: Incident, url: str, changes: Sequence[ChangeEvent] = ()) -> str:
    """Return *incident* with its links, details, the *changes* near it and its timeline, as Markdown."""
    parts = (
        *_head(incident, url),
        *_links(incident),
        *_details(incident),
        *_changes(changes),
        *_timeline(incident),
    )
    return "\n".join(parts) + "\n"


def _head(incident: Incident, url: str) -> Iterator[str]:
    yield f"# {incident.id}: {_escaped(incident.title)}\n"
    yield "| | |\n|---|---|"
    rows = [
        ("Status", incident.status),
        ("Urgency", f"{incident.urgency} ({incident.severity})"),
        ("Affected", incident.service),
        ("Reported by", incident.source),
        ("Since", utc(incident.since)),
    ]
    if incident.acknowledged_at is not None:
        after = ago(incident.acknowledged_at - incident.created_at)
        by = f" by {incident.acknowledged_by}" if incident.acknowledged_by else ""
        rows.append(("Acknowledged", f"{utc(incident.acknowledged_at)}{by}, after {after}"))
    if incident.resolved_at is not None:
        rows.append(
            (
                "Resolved",
                f"{utc(incident.resolved_at)}, after {ago(incident.resolved_at - incident.created_at)}",
            )
        )
    yield from (f"| {name} | {_escaped(text)} |" for name, text in rows)
    yield f"| Page | <{url}> |\n"


def _links(incident: Incident) -> Iterator[str]:
    if incident.links:
        yield "## Links\n"
        # An address may hold what ends an autolink; a code span shows it as it is.
        yield from (f"- {_escaped(link.text)}: {_code(link.href)}" for link in incident.links)
        yield ""


def _details(incident: Incident) -> Iterator[str]:
    shown = readable(incident.details)
    if shown:
        yield "## Details\n"
    for name, text in shown:
        fence = "`" * max(3, 1 + max((len(run) for run in _FENCE.findall(text)), default=0))
        yield f"{_escaped(name)}:\n\n{fence}text\n{text}\n{fence}\n"


def _changes(changes: Sequence[ChangeEvent]) -> Iterator[str]:
    if changes:
        yield "## Changes before and during it\n\n| time | where | what |\n|---|---|---|"
        for change in changes:
            yield f"| {utc(change.at)} | {_escaped(change.source)} | {_escaped(change.summary)} |"
        yield ""


def _timeline(incident: Incident) -> Iterator[str]:
    yield "## Timeline\n\n| time | what | |\n|---|---|---|"
    for entry in incident.timeline:
        yield f"| {utc(entry.at)} | {entry.type} | {_escaped(_said(entry))} |"


def _said(entry: Entry) -> str:
    if entry.last_at is None:
        return entry.message
    return f"{entry.message} ({entry.count} times, last {utc(entry.last_at)})"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", one_line(text, 2_000))


def _code(text: str) -> str:
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{ticks}{' ' if '`' in text else ''}{text}{' ' if '`' in text else ''}{ticks}"
