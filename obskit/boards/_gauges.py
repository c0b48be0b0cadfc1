"""Named PromQL about gauges: the highest value, an age, what is up, what fires."""

from obskit.boards._foreign import ALERTS, UP
from obskit.boards._queries import SERVICE, or_zero, selector, sum_of
from obskit.catalog import Metric

__all__ = ["down", "firing", "highest", "lowest", "past", "restarts", "since", "until", "up"]


def highest(metric: Metric, *where: str, by: tuple[str, ...] = ()) -> str:
    """The highest value of a gauge: what is true for the worst of its series."""
    return f"max{_grouping(by)}({metric.name}{selector(where)})"


def lowest(metric: Metric, *where: str, by: tuple[str, ...] = ()) -> str:
    """The lowest value of a gauge."""
    return f"min{_grouping(by)}({metric.name}{selector(where)})"


def since(metric: Metric, *where: str, by: tuple[str, ...] = ()) -> str:
    """Seconds since the moment that a gauge holds; a moment of 0 has not happened, and is no data."""
    return f"time() - ({highest(metric, *where, by=by)} > 0)"


def until(metric: Metric, *where: str, by: tuple[str, ...] = ()) -> str:
    """Seconds until the latest moment that a gauge holds, 0 when it has passed: what was replaced counts no more."""
    return f"clamp_min({highest(metric, *where, by=by)} - time(), 0)"


def past(expr: str, offset: str) -> str:
    """Return the graph *expr* as it was *offset* ago, such as ``1d``."""
    return expr.replace("]", f"] offset {offset}")


def up() -> str:
    """Services of which Prometheus can scrape at least one target."""
    return f"count({_by_service()} == 1)"


def down() -> str:
    """Services of which Prometheus can scrape no target."""
    return or_zero(f"count({_by_service()} == 0)", f"count({_by_service()})")


def firing(*where: str, by: tuple[str, ...] = ()) -> str:
    """Alerts that fire, without Watchdog; 0 where Prometheus watches anything at all and none fires."""
    chosen = ('alertstate="firing"', 'alertname!="Watchdog"', SERVICE, *where)
    fires = f"{sum_of(by)}({ALERTS.name}{selector(chosen)})"
    return fires if by else or_zero(fires, f"count({UP.name}{selector((SERVICE,))})")


def restarts(metric: Metric, *where: str, by: tuple[str, ...], window: str) -> str:
    """How often a gauge that holds a start time changed within *window*."""
    return f"{sum_of(by)}(changes({metric.name}{selector(where)}[{window}]))"


def _by_service() -> str:
    return f"max by (service_name) ({UP.name}{selector((SERVICE,))})"


def _grouping(by: tuple[str, ...]) -> str:
    return f" by ({', '.join(by)}) " if by else ""
