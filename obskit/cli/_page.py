"""Shows an incident as the page that a person on call would get."""

from typing import Any

__all__ = ["as_page"]


def as_page(incident: dict[str, Any]) -> list[str]:
    """Return the lines of *incident*, in the form of the pager's API."""
    head = [
        f"{incident['id']}  {incident['title']}",
        f"  {incident['status']}, {incident['urgency']} urgency, {incident['service']}",
        f"  since {incident['created_at']}",
    ]
    ends = {"acknowledged_at": "acknowledged", "resolved_at": "resolved"}
    head += [f"  {word} {incident[field]}" for field, word in ends.items() if incident[field]]
    if incident.get("acknowledged_by"):
        head[-1 - bool(incident["resolved_at"])] += f" by {incident['acknowledged_by']}"
    return [*head, *_details(incident), *_links(incident), *_changes(incident), *_timeline(incident)]


def _links(incident: dict[str, Any]) -> list[str]:
    links = [f"  {link['text']:<14}{link['href']}" for link in incident["links"]]
    if incident.get("url"):
        links.insert(0, f"  {'Incident':<14}{incident['url']}")
    return ["", *links] if links else []


def _details(incident: dict[str, Any]) -> list[str]:
    from obskit.pager import readable  # brings a web framework that most commands do not need

    lines = [
        f"  {'' if place else name:<14}{line}"  # one that holds several alerts says a line of each
        for name, value in readable(incident["details"])
        for place, line in enumerate(value.splitlines())
    ]
    return ["", *lines] if lines else []


def _changes(incident: dict[str, Any]) -> list[str]:
    lines = [
        f"  {change['at']}  changed: {change['summary']}" for change in reversed(incident.get("changes", ()))
    ]
    return ["", *lines] if lines else []


def _timeline(incident: dict[str, Any]) -> list[str]:
    lines = [f"  {entry['at']}  {entry['message']}" for entry in incident["timeline"]]
    return ["", *lines] if lines else []
