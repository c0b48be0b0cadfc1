"""What the caller sees in each mode, as Prometheus has it."""

from dataclasses import dataclass

from obskit import catalog
from obskit.cli._prometheus import Prometheus

__all__ = ["MODES", "Measured", "measure"]

MODES = ("sync", "async")

_DONE = "orders.reserved"
"""The message that tells the orders service that the work behind an async order is done."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One mode over one window: orders a second, share of errors, and quantiles in seconds.

    ``done_p95_s`` is the time from accepting an async order to the end of its work; sync
    orders are done when they are answered. None where Prometheus has no number.
    """

    rate: float | None
    error_ratio: float | None
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None
    done_p95_s: float | None = None


def measure(prometheus: Prometheus, mode: str, window_s: int) -> Measured:
    """Measure *mode* over the last *window_s* seconds, from the load generator's own client."""
    template = f"/api/orders?mode={mode}"
    caller = f'service_name="loadgen",url_template="{template}"'
    name = catalog.CLIENT_DURATION.name
    total = f"sum(rate({name}_count{{{caller}}}[{window_s}s]))"
    errors = f'sum(rate({name}_count{{{caller},error_type!=""}}[{window_s}s]))'
    buckets = f"sum by (le) (rate({name}_bucket{{{caller}}}[{window_s}s]))"
    return Measured(
        rate=prometheus.number(total),
        # No errors are 0, no traffic is no number.
        error_ratio=prometheus.number(f"({errors} or {total} * 0) / ({total} > 0)"),
        p50_s=prometheus.number(f"histogram_quantile(0.5, {buckets})"),
        p95_s=prometheus.number(f"histogram_quantile(0.95, {buckets})"),
        p99_s=prometheus.number(f"histogram_quantile(0.99, {buckets})"),
        done_p95_s=_done(prometheus, window_s) if mode == "async" else None,
    )


def _done(prometheus: Prometheus, window_s: int) -> float | None:
    flow = f'{catalog.FLOW_DURATION.name}_bucket{{messaging_destination_name="{_DONE}"}}'
    return prometheus.number(f"histogram_quantile(0.95, sum by (le) (rate({flow}[{window_s}s])))")
