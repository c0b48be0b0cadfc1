"""Makes the link that silences an incident's alerts in Alertmanager."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from obskit.pager._incident import Link

__all__ = ["silence_link"]

_ALERTS = "/#/alerts"
_MATCHED = ("alertname", "service_name")
"""What obskit's routes group by, and send as details."""


def silence_link(client_url: Any, details: Mapping[str, Any]) -> Link | None:
    """Return the link to a new silence, filled in, for an event that Alertmanager sent; else None."""
    if not isinstance(client_url, str) or _ALERTS not in client_url:
        return None
    values = {name: details.get(name) for name in _MATCHED}
    if not values["alertname"] or not isinstance(values["alertname"], str):
        return None
    matchers = ", ".join(
        f'{name}="{_escaped(value)}"' for name, value in values.items() if isinstance(value, str) and value
    )
    base = client_url.partition(_ALERTS)[0]
    return Link(f"{base}/#/silences/new?filter={quote(f'{{{matchers}}}', safe='')}", "Silence")


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
