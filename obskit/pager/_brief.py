"""Says in a few lines what somebody who was woken needs first: what, whom it hurts, what to do."""

from dataclasses import dataclass

from obskit.pager._incident import Incident
from obskit.pager._text import one_line

__all__ = ["Brief", "brief"]

_DETAILS = ("impact", "action", "firing")


@dataclass(frozen=True, slots=True)
class Brief:
    """One line each; *harm*, *do* and *seen* are empty where the alert does not say."""

    what: str
    whom: str
    harm: str
    do: str
    seen: str
    shown: frozenset[str] = frozenset()
    """The details that these lines show in full."""

    @property
    def line(self) -> str:
        """What is wrong with whom, on one line."""
        named = self.whom.lower() in self.what.lower()
        return self.what if named else f"{self.whom}: {self.what}"


def brief(incident: Incident) -> Brief:
    """Return what matters of *incident*, from its title and the details that obskit's routes send."""
    full = {name for name in _DETAILS if incident.details.get(name) == _line(incident, name) != ""}
    named = "firing_alerts" in incident.details  # else "firing" is Alertmanager's own list of labels
    runbook = next((link.href for link in incident.links if link.text.lower() == "runbook"), "")
    return Brief(
        what=incident.title,
        whom=incident.service,
        harm=_line(incident, "impact"),
        do=_line(incident, "action") or (f"Follow the runbook: {runbook}" if runbook else ""),
        seen=_line(incident, "firing") if named else "",
        shown=frozenset(full if named else full - {"firing"}),
    )


def _line(incident: Incident, name: str) -> str:
    value = incident.details.get(name)
    return one_line(value, 400) if isinstance(value, str) else ""
