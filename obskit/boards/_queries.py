"""Named PromQL: every query of every board comes from one of these functions.

Each takes a metric of the catalogue and a list of matchers, and returns PromQL with
Grafana's variables in it. ``by`` names the labels that the answer keeps.
"""

from obskit.catalog import (
    END_TO_END,
    PROCESS_DURATION,
    PUBLISH_DURATION,
    SERVER_DURATION,
    SERVICE_LABEL,
    Metric,
)

__all__ = [
    "CLIENT_ERRORS",
    "HANDLER_ERRORS",
    "RANGE",
    "SERVER_ERRORS",
    "SERVICE",
    "WINDOW",
    "buckets",
    "error_ratio",
    "happening",
    "increase",
    "mean",
    "or_zero",
    "per_second",
    "quantile",
    "ratio",
    "selector",
    "slow_ratio",
    "stages",
    "status_classes",
    "sum_of",
    "time_share",
    "total",
]

WINDOW = "$__rate_interval"
"""The window of a line over time: at least four scrapes, wider when the shown range is."""
RANGE = "$__range"
"""The window of a number or a table row about the whole shown range."""

SERVICE = f'{SERVICE_LABEL}=~"$service"'

SERVER_ERRORS = 'outcome="server_error"'
"""What counts as a failed request: the service's fault, not the caller's."""
CLIENT_ERRORS = 'error_type!=""'
"""What counts as a failed outbound call: no answer, or an answer of 500 and more."""
HANDLER_ERRORS = 'error_type!=""'
"""What counts as a failed message: its handler raised."""


def per_second(metric: Metric, *where: str, by: tuple[str, ...] = (), window: str = WINDOW) -> str:
    """Events a second: requests of a histogram, increments of a counter."""
    return f"{sum_of(by)}(rate({_events(metric)}{selector(where)}[{window}]))"


def increase(metric: Metric, *where: str, by: tuple[str, ...] = (), window: str = RANGE) -> str:
    """Events within the window."""
    return f"{sum_of(by)}(increase({_events(metric)}{selector(where)}[{window}]))"


def error_ratio(
    metric: Metric, errors: str, *where: str, by: tuple[str, ...] = (), window: str = WINDOW
) -> str:
    """Failed share of events, 0 to 1: no failures is 0, no events is no data."""
    every = per_second(metric, *where, by=by, window=window)
    bad = per_second(metric, *where, errors, by=by, window=window)
    return f"({or_zero(bad, every)}) / ({every} > 0)"


def quantile(q: float, metric: Metric, *where: str, by: tuple[str, ...] = (), window: str = WINDOW) -> str:
    """The quantile *q* of a histogram, in its unit; no events is no data."""
    # Without events the quantile is NaN; the comparison drops it, so that no panel shows "NaN".
    return f"histogram_quantile({q:g}, {buckets(metric, *where, by=by, window=window)}) >= 0"


def buckets(metric: Metric, *where: str, by: tuple[str, ...] = (), window: str = WINDOW) -> str:
    """Events a second in each bucket: what a heatmap draws and a quantile is made from."""
    grouping = ", ".join((*by, "le"))
    return f"sum by ({grouping}) (rate({metric.name}_bucket{selector(where)}[{window}]))"


def slow_ratio(metric: Metric, after_s: float, *where: str, window: str = WINDOW) -> str:
    """Share of events that took longer than *after_s*, which has to be a bucket's bound.

    Raises:
        ValueError: the metric has no such bucket.
    """
    if after_s not in metric.buckets:
        accepted = ", ".join(f"{one:g}" for one in metric.buckets)
        msg = f"{after_s!r} is not a bucket bound of {metric.name}; use one of {accepted}."
        raise ValueError(msg)
    bucket = f'le="{float(after_s)}"'  # prometheus_client writes 0.5 and 1.0, as Python does
    fast = f"sum(rate({metric.name}_bucket{selector((*where, bucket))}[{window}]))"
    return f"1 - {fast} / ({per_second(metric, *where, window=window)} > 0)"


def mean(metric: Metric, *where: str, by: tuple[str, ...] = (), window: str = WINDOW) -> str:
    """Mean of a histogram's values, in its unit."""
    time = f"{sum_of(by)}(rate({metric.name}_sum{selector(where)}[{window}]))"
    return f"{time} / ({per_second(metric, *where, by=by, window=window)} > 0)"


def time_share(metric: Metric, *where: str, by: tuple[str, ...], window: str = RANGE) -> str:
    """Share of all time spent that each label set took, 0 to 1."""
    spent = f"rate({metric.name}_sum{selector(where)}[{window}])"
    return f"{sum_of(by)}({spent}) / on () group_left () (sum({spent}) > 0)"


def status_classes(*where: str) -> str:
    """Requests a second by class of status: 2xx, 3xx, 4xx, 5xx."""
    rate = f"rate({SERVER_DURATION.name}_count{selector(where)}[{WINDOW}])"
    return (
        f'sum by (class) (label_replace({rate}, "class", "${{1}}xx", "http_response_status_code", "(.).."))'
    )


def or_zero(expr: str, base: str) -> str:
    """Return *expr*, and 0 where only *base* has a value: what never happened yet did not happen."""
    return f"{expr} or {base} * 0"


def happening(expr: str) -> str:
    """Return *expr* without the lines that are 0: what does not happen is not drawn."""
    return f"{expr} > 0"


def stages(*where: str, window: str = WINDOW) -> tuple[str, str, str]:
    """Mean seconds that a handled message spends being published, waiting and being handled, by queue.

    What is left of the end-to-end time is waiting. A publish inside a handler is in both.
    """
    by, good = ("messaging_destination_name",), (*where, 'error_type=""')
    publish = mean(PUBLISH_DURATION, *good, by=by, window=window)
    process = mean(PROCESS_DURATION, *good, by=by, window=window)
    whole = mean(END_TO_END, *where, by=by, window=window)
    return publish, f"clamp_min({whole} - {process} - {publish}, 0)", process


def total(metric: Metric, *where: str, by: tuple[str, ...] = ()) -> str:
    """The sum of a gauge."""
    return f"{sum_of(by)}({metric.name}{selector(where)})"


def ratio(above: str, below: str) -> str:
    """Return *above* over *below*, no data while *below* is 0."""
    return f"({above}) / (({below}) > 0)"


def _events(metric: Metric) -> str:
    return f"{metric.name}_count" if metric.type == "histogram" else metric.name


def selector(where: tuple[str, ...]) -> str:
    """Return the matchers *where* as PromQL writes them."""
    return f"{{{', '.join(where)}}}" if where else ""


def sum_of(by: tuple[str, ...]) -> str:
    """Return the head of a sum that keeps the labels *by*."""
    return f"sum by ({', '.join(by)}) " if by else "sum"
