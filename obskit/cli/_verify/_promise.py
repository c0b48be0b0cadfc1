"""What a row of the catalogue promises, as numbers and names that can be checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from obskit.cli._faults import Fault
from obskit.errors import StackError

__all__ = ["Healthy", "Promise", "promise_of"]

_SEVERITIES = {"high": "page", "low": "ticket"}
_NONE = "none"


@dataclass(frozen=True, slots=True)
class Healthy:
    """The range of a panel in which all is well, and the *factor* by which a fault leaves it.

    A bound that is None is open. With *high* 0 any value above it is outside, times any factor:
    a factor says nothing there, so it counts as a value.
    """

    low: float | None
    high: float | None
    factor: float = 1.0

    def holds(self, value: float) -> bool:
        """Whether *value* is inside the range, bounds included."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def is_left(self, value: float) -> bool:
        """Whether *value* is outside by the factor at least."""
        if self.high is not None and value > self.high and value >= self.high * self.factor:
            return True
        return self.low is not None and value < self.low and value <= self.low / self.factor

    def __str__(self) -> str:
        """Return the range for people."""
        if self.low is None:
            return f"at most {self.high:g}"
        if self.high is None:
            return f"at least {self.low:g}"
        return f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """Everything that a fault has to show.

    *where* are the labels of the panel's series that count; all count when it is empty.
    *fields* are what the log line must say beside its event, *attribute* is None where there is
    truthfully no span. *seen_in* is the service that writes both, empty where any may.
    """

    id: str
    board: str
    panel: str
    healthy: Healthy
    where: Mapping[str, str]
    event: str
    fields: Mapping[str, Any]
    attribute: str | None
    attribute_value: str | float | None
    seen_in: str
    alert: str
    urgency: str
    also: frozenset[str]
    within_s: float

    @property
    def severity(self) -> str:
        """The severity that the alert's label has."""
        return _SEVERITIES[self.urgency]


def promise_of(fault: Fault) -> Promise:
    """Read the promises of a row.

    Raises:
        StackError: the row leaves out what a check needs.
    """
    row = fault.row
    try:
        panel = row["panel"]
        return Promise(
            id=fault.id,
            board=panel["board"],
            panel=panel["title"],
            healthy=_healthy(panel),
            where=dict(panel.get("where", {})),
            **_evidence(row),
            alert=row["alert"],
            urgency=row["urgency"],
            also=frozenset(row["also"]),
            within_s=float(row["within_s"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        msg = f"The row of {fault.id} cannot be checked: {type(error).__name__} {error}."
        raise StackError(msg, fix="give it what the head of sample_services/faults.yaml lists") from error


def _healthy(panel: Mapping[str, Any]) -> Healthy:
    bounds = panel["healthy"]
    low, high = bounds.get("low"), bounds.get("high")
    if low is None and high is None:
        msg = "panel.healthy has neither low nor high"
        raise ValueError(msg)
    return Healthy(low, high, float(panel.get("factor", 1)))


def _evidence(row: Mapping[str, Any]) -> dict[str, Any]:
    event, attribute = row["log_event"], row["span_attribute"]
    is_injected = event == "fault.injected"
    return {
        "event": event,
        "fields": {"fault": row["id"]} if is_injected else dict(row.get("log_fields", {})),
        "attribute": None if attribute == _NONE else attribute,
        "attribute_value": row.get("span_value", row["id"] if attribute == "obskit.fault" else None),
        "seen_in": row.get("seen_in", ""),
    }
