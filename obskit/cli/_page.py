"""Shows an incident as the page that a person on call would get."""

from typing import Any

__all__ = ["as_page"]

_FIRST = ("firing", "impact", "action")
"""What a person reads first: what is wrong, whom it hurts, what to do."""

_ELSEWHERE = frozenset(
    {"firing_alerts", "num_firing", "num_resolved", "runbook", "service_name", "severity", "summary"}
)
"""Details that the head, the links or the timeline say already."""


def as_page(incident: dict[str, Any]) -> list[str]:
    """Return the lines of *incident*, in the form of the pager's API."""
    head = [
        f"{incident['id']}  {incident['title']}",
        f"  {incident['status']}, {incident['urgency']} urgency, {incident['service']}",
        f"  since {incident['created_at']}",
    ]
    ends = {"acknowledged_at": "acknowledged", "resolved_at": "resolved"}
    head += [f"  {word} {incident[field]}" for field, word in ends.items() if incident[field]]
    return [*head, *_links(incident), *_details(incident), *_timeline(incident)]


def _links(incident: dict[str, Any]) -> list[str]:
    links = [f"  {link['text']:<14}{link['href']}" for link in incident["links"]]
    if incident.get("url"):
        links.insert(0, f"  {'Incident':<14}{incident['url']}")
    return ["", *links] if links else []


def _details(incident: dict[str, Any]) -> list[str]:
    details = {name: str(value).strip() for name, value in incident["details"].items()}
    names = [*_FIRST, *(name for name in details if name not in _FIRST)]
    rows = [(name, details.get(name, "")) for name in names if name not in _ELSEWHERE]
    lines = [f"  {name:<14}{value}".replace("\n", f"\n{'':<16}") for name, value in rows if value]
    return ["", *lines] if lines else []


def _timeline(incident: dict[str, Any]) -> list[str]:
    lines = [f"  {entry['at']}  {entry['message']}" for entry in incident["timeline"]]
    return ["", *lines] if lines else []
