"""What an objective measures: which events there are, and which of them are good or bad."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import promql_parser

from obskit.catalog import FLOW_DURATION, SERVER_DURATION
from obskit.errors import ConfigError

__all__ = ["KINDS", "Indicator", "indicator"]


@dataclass(frozen=True, slots=True)
class Indicator:
    """Counters of all events and of the good or the bad ones, and how the alert speaks of them.

    *total*, *good* and *bad* are selectors of counters; one of *good* and *bad* is empty.
    """

    alert: str
    category: str
    total: str
    good: str
    bad: str
    summary: str
    """Follows the name of the service; ``{percent}`` is the objective."""
    events: str
    """Follows the share: "of the requests to ... failed"."""
    impact: str
    action: str
    logs: str
    """What follows the service in the LogQL of the alert's link."""


def indicator(where: str, service: str, sli: object) -> Indicator:
    """Check the ``sli`` of an objective and return what it measures.

    Raises:
        ConfigError: the kind is unknown, or a value of it cannot be used.
    """
    if not isinstance(sli, Mapping) or sli.get("kind") not in KINDS:
        msg = f"{where} has the sli {sli!r}; its kind is one of {', '.join(KINDS)}."
        raise ConfigError(msg)
    make, keys = KINDS[sli["kind"]]
    if set(sli) != {"kind", *keys} and not (
        sli["kind"] == "events" and set(sli) == {"kind", "total", "good"}
    ):
        accepted = ", ".join(("kind", *keys))
        msg = f"{where} has an sli with {', '.join(sli)}; one of kind {sli['kind']} has {accepted}."
        raise ConfigError(msg)
    return make(where, service, sli)


def _availability(_where: str, service: str, _sli: Mapping[str, Any]) -> Indicator:
    count = f"{SERVER_DURATION.name}_count"
    return Indicator(
        alert="AvailabilityBudgetBurn",
        category="availability",
        total=f'{count}{{service_name="{service}"}}',
        good="",
        bad=f'{count}{{service_name="{service}", outcome="server_error"}}',
        summary="fails requests faster than its {percent} % objective allows",
        events="of the requests to {{ $labels.service_name }} failed",
        impact="Callers of {{ $labels.service_name }} get errors instead of answers.",
        action="See which route and which error_type fail, then what changed and which dependency answers with errors; roll back or shed load.",
        logs=' | json | event="http.request" | outcome="server_error"',
    )


def _latency(where: str, service: str, sli: Mapping[str, Any]) -> Indicator:
    bound = _bound(where, sli["threshold_s"], SERVER_DURATION.buckets)
    mine = f'service_name="{service}", outcome!="aborted"'
    return Indicator(
        alert="LatencyBudgetBurn",
        category="latency",
        total=f"{SERVER_DURATION.name}_count{{{mine}}}",
        good=f'{SERVER_DURATION.name}_bucket{{{mine}, le="{bound}"}}',
        bad="",
        summary="is slow for more requests than its {percent} % objective allows",
        events=f"of the requests to {{{{ $labels.service_name }}}} took longer than {bound} s",
        impact=f"Callers of {{{{ $labels.service_name }}}} wait longer than {bound} s, and some of them give up.",
        action="See which route is slow and whether its time is spent here or in a dependency; then what changed, and whether it is load.",
        logs=f' | json | event="http.request" | duration_ms > {bound * 1000:g}',
    )


def _flow(where: str, service: str, sli: Mapping[str, Any]) -> Indicator:
    bound = _bound(where, sli["threshold_s"], FLOW_DURATION.buckets)
    destination = sli["destination"]
    mine = f'service_name="{service}", messaging_destination_name="{destination}"'
    return Indicator(
        alert="FlowBudgetBurn",
        category="messaging",
        total=f"{FLOW_DURATION.name}_count{{{mine}}}",
        good=f'{FLOW_DURATION.name}_bucket{{{mine}, le="{bound}"}}',
        bad="",
        summary="finishes work behind its queue later than its {percent} % objective allows",
        events=f"of the work that ends at {destination} took longer than {bound} s",
        impact="What users were told is accepted happens late.",
        action="See where the time goes: waiting in the queue, in the handler, or in repeated deliveries.",
        logs=' | json | event=~"message.+"',
    )


def _events(where: str, service: str, sli: Mapping[str, Any]) -> Indicator:
    return Indicator(
        alert="EventBudgetBurn",
        category="availability",
        total=_of_service(where, sli["total"], service),
        good=_of_service(where, sli["good"], service) if "good" in sli else "",
        bad=_of_service(where, sli["bad"], service) if "bad" in sli else "",
        summary="has more bad events than its {percent} % objective allows",
        events="of the events of {{ $labels.service_name }} were bad",
        impact="Those who rely on {{ $labels.service_name }} do not get what they were promised.",
        action="See which events are bad, since when, and what changed then.",
        logs=', level=~"warning|error|critical"} | json',
    )


_Maker = Callable[[str, str, Mapping[str, Any]], Indicator]
KINDS: Mapping[str, tuple[_Maker, tuple[str, ...]]] = {
    "availability": (_availability, ()),
    "latency": (_latency, ("threshold_s",)),
    "flow": (_flow, ("destination", "threshold_s")),
    "events": (_events, ("total", "bad")),
}
"""The kinds of an sli: what makes the indicator, and the keys beside ``kind``."""


def _bound(where: str, value: object, buckets: tuple[float, ...]) -> float:
    if not isinstance(value, int | float) or float(value) not in buckets:
        accepted = ", ".join(f"{bound:g}" for bound in buckets)
        msg = f"{where} has the threshold_s {value!r}, which is no bucket, so nobody counts it; use one of {accepted}."
        raise ConfigError(msg)
    return float(value)


def _of_service(where: str, selector: object, service: str) -> str:
    """Return *selector* with a matcher for the service added."""
    try:
        parsed = promql_parser.parse(str(selector))
    except ValueError as error:
        msg = f"{where} has the selector {selector!r}, which is no PromQL ({error})."
        raise ConfigError(msg) from error
    if not isinstance(parsed, promql_parser.VectorSelector) or parsed.offset is not None:
        msg = f'{where} has {selector!r}; use the selector of one counter, such as app_total{{kind="a"}}.'
        raise ConfigError(msg)
    text = str(selector).strip().removesuffix("}").rstrip(", ")
    joint = "{" if "{" not in text else ("" if text.endswith("{") else ", ")
    return f'{text}{joint}service_name="{service}"}}'
