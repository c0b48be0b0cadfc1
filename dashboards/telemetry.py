"""Telemetry: can logs, traces and metrics be trusted."""

from obskit import boards as kit
from obskit.boards import SERVICE, About, Board, Column, Line, Onward, Panel, Row, Scale, Threshold
from obskit.catalog import (
    DROPPED,
    INTERNAL_FAILURES,
    LOG_LEFT_OUT,
    LOG_RECORDS,
    SHIP_PUSHES,
    SHIP_WAITING,
    SHIPPED_LINES,
)

_SIGNAL = 'signal=~"$signal"'
_BY = ("service_name",)
_NAME = "{{service_name}}"
_ANY = (Threshold(1),)
_PROMETHEUS = kit.PrometheusMetrics

_LINE = (
    kit.logs_link(kit.series("service_name")),
    kit.BoardLink("Processes", "obskit-host", (("service", kit.series("service_name")),)),
)
_ALL = (
    kit.logs_link(pipeline=' | json | event=~"obskit.+"', title="What obskit says about itself"),
    kit.traces_link(kit.CHOSEN),
)
_SHIPPING = (kit.logs_link(".+", pipeline=' | json | event=~"ship.+"', title="What the shipper says"),)
_NEXT = (kit.next_board("alerting", "Alerting and the pager"),)


def board() -> Board:
    """Return the board."""
    return Board(
        name="telemetry",
        title="Telemetry",
        question="Can logs, traces and metrics be trusted now?",
        how_to_read=(
            "From the service outward: what it loses, what it logs, what is scraped and kept. "
            "A panel that is empty here means that the watcher itself is not watched."
        ),
        when_paged=(
            "**Targets** red: those numbers are missing everywhere. **Lost** above 0: a queue was full, the store is "
            "slow or gone. Alerts themselves are watched on the board of alerting."
        ),
        variables=(
            kit.services(LOG_RECORDS),
            kit.pick("signal", "Signal", DROPPED, "signal"),
        ),
        rows=(
            Row("", (_lost_now(), _failures_now(), _targets_down(), _series(), _scraped_now(), _lines_now())),
            Row("What services lose", (_lost(), _left_out(), _internal())),
            Row("Logs", (_levels(), _lines_by_service(), _shipping(), _pushes(), _waiting())),
            Row("Scraping", (_targets(), _scrapes(), _samples())),
            Row("Prometheus", (_head(), _held())),
            Row("Log lines of the watchers", (_log_lines(),)),
        ),
    )


def _lost_now() -> Panel:
    about = About(
        "Lost",
        "Log lines, spans and samples that were lost within the shown range.",
        "0.",
        "A queue was full, or the other side did not answer: see What services lose.",
        none="no service",
    )
    return kit.over_range(
        about,
        kit.increase(DROPPED, SERVICE, _SIGNAL),
        Scale("none", _ANY),
        Onward(_ALL, runbooks=("TelemetryDropped", "SeriesCapReached")),
    )


def _failures_now() -> Panel:
    about = About(
        "Kept away",
        "Failures inside obskit within the shown range that were kept away from the application.",
        "0.",
        "Each kind is logged once: read it, and report it with its stack trace.",
        none="no service",
    )
    expr = kit.or_zero(kit.increase(INTERNAL_FAILURES, SERVICE), kit.increase(LOG_RECORDS, SERVICE))
    return kit.over_range(about, expr, Scale("none", _ANY), Onward(_ALL, runbooks=("InternalFailures",)))


def _targets_down() -> Panel:
    about = About(
        "Targets down",
        "Instances that Prometheus cannot scrape now, of all services.",
        "0.",
        "See Targets for which one; open the runbook TargetDown.",
        none="no target",
    )
    expr = kit.or_zero(f"count({kit.UP.name} == 0)", f"count({kit.UP.name})")
    return kit.number(about, expr, Scale("none", _ANY), Onward(_ALL, ("TargetDown",)))


def _series() -> Panel:
    about = About(
        "Series",
        "Series that Prometheus holds in memory.",
        "Level; obskit caps the series of each metric.",
        "Grows: a label has values without end, see Samples by target.",
        none="Prometheus is not scraped",
    )
    return kit.number(about, kit.total(_PROMETHEUS.SERIES), Scale("short"), Onward(_ALL))


def _lost() -> Panel:
    about = About(
        "Lost by reason",
        "Log lines, spans and samples lost a second, by signal and reason.",
        "0.",
        "queue_full: more is made than can be sent. Others name what refused it.",
        none="no service",
    )
    of = (Line(kit.per_second(DROPPED, SERVICE, _SIGNAL, by=("signal", "reason")), "{{signal}} {{reason}}"),)
    return kit.stack(about, of, Scale("eps"), Onward(_ALL, runbooks=("TelemetryDropped", "SeriesCapReached")))


def _left_out() -> Panel:
    about = About(
        "Left out on purpose",
        "Log lines a second that were left out by the rate of their event or with unsampled traces.",
        "0, unless sampling of logs is on.",
        "rate: one event floods; see it in Log lines by service, and mend its cause.",
        none="nothing is left out",
        empty="nothing floods; filled by the fault log-flood",
    )
    of = (Line(kit.happening(kit.per_second(LOG_LEFT_OUT, SERVICE, by=("reason",))), "{{reason}}"),)
    return kit.stack(about, of, Scale("eps"), Onward(_ALL, runbooks=("LogFlood",)))


def _internal() -> Panel:
    about = About(
        "Failures inside obskit",
        "Failures a second that were kept away from the application, by area.",
        "None.",
        "The first of each kind is logged with its stack trace.",
        none="none",
        empty="obskit does not fail; no fault fills it",
    )
    expr = kit.happening(kit.per_second(INTERNAL_FAILURES, SERVICE, by=("service_name", "area")))
    return kit.graph(
        about,
        (Line(expr, "{{service_name}} {{area}}"),),
        Scale("eps"),
        Onward(_LINE, runbooks=("InternalFailures",)),
    )


def _levels() -> Panel:
    about = About(
        "Log lines by level",
        "Log lines a second that the services write, by level.",
        "info, in step with requests.",
        "A burst of warning or error: see the board of the service.",
        none="no lines",
    )
    of = (Line(kit.per_second(LOG_RECORDS, SERVICE, by=("level",)), "{{level}}"),)
    return kit.stack(about, of, Scale("cps"), Onward(_ALL, runbooks=("LogErrorsHigh",)))


def _lines_by_service() -> Panel:
    about = About(
        "Log lines by service",
        "Log lines a second, by service.",
        "In step with requests.",
        "One service writes far more than others: a loop logs, or its level is debug.",
        none="no lines",
    )
    return kit.stack(
        about,
        (Line(kit.per_second(LOG_RECORDS, SERVICE, by=_BY), _NAME),),
        Scale("cps"),
        Onward(_LINE, runbooks=("LogFlood",)),
    )


def _shipping() -> Panel:
    about = About(
        "Lines shipped",
        "Log lines a second that went to a Loki of your own, by outcome.",
        "ok.",
        "rejected: Loki refuses them for good; the line in the log says why.",
        none="lines are not shipped",
        empty="needs a Loki beside the embedded store; no fault fills it",
    )
    of = (Line(kit.per_second(SHIPPED_LINES, by=("outcome",)), "{{outcome}}"),)
    return kit.stack(about, of, Scale("cps"), Onward(_SHIPPING))


def _pushes() -> Panel:
    about = About(
        "Pushes",
        "Pushes a second to a Loki of your own, by outcome.",
        "ok.",
        "failed: sent again until it is taken.",
        none="lines are not shipped",
        empty="needs a Loki beside the embedded store; no fault fills it",
    )
    of = (Line(kit.per_second(SHIP_PUSHES, by=("outcome",)), "{{outcome}}"),)
    return kit.stack(about, of, Scale("ops"), Onward(_SHIPPING, runbooks=("LogShippingFailing",)), width=12)


def _waiting() -> Panel:
    about = About(
        "Waiting to be shipped",
        "Bytes of log lines that were read and not yet taken.",
        "Near 0.",
        "Grows: Loki is down or too slow. Nothing is lost while the disk has room.",
        none="lines are not shipped",
        empty="needs a Loki beside the embedded store; no fault fills it",
    )
    of = (Line(kit.total(SHIP_WAITING, by=_BY), _NAME),)
    return kit.graph(about, of, Scale("bytes"), Onward(_LINE), width=12)


def _targets() -> Panel:
    about = About(
        "Targets",
        "Whether Prometheus can scrape each instance.",
        "Green throughout; a restart is a red point.",
        "Red: read the last lines of the service; its numbers are missing for that time.",
        none="no target",
    )
    of = (Line(kit.lowest(kit.UP, by=("service_name", "instance")), "{{service_name}} {{instance}}"),)
    return kit.states(about, of, kit.UP_OR_DOWN, Onward(_LINE, ("TargetDown",)), width=12)


def _scrapes() -> Panel:
    about = About(
        "Duration of scrapes",
        "How long Prometheus waits for each service's page.",
        "Below 100 ms.",
        "Near the scrape timeout: the page is too large, or the process is too busy to answer.",
        none="no target",
    )
    of = (Line(kit.highest(_PROMETHEUS.SCRAPE_DURATION, by=_BY), _NAME),)
    return kit.graph(about, of, Scale("s"), Onward(_LINE), width=12)


def _samples() -> Panel:
    about = About(
        "Samples by target",
        "Samples and series of each instance's page: where memory of Prometheus goes.",
        "Alike among instances of one service.",
        "One grows: look for the label with many values on its page.",
        none="no target",
    )
    by = ("service_name", "instance")
    columns = (
        Column("Samples", "none", kit.highest(_PROMETHEUS.SCRAPE_SAMPLES, by=by)),
        Column("Scrape", "s", kit.highest(_PROMETHEUS.SCRAPE_DURATION, by=by)),
        Column("Up", "none", kit.lowest(kit.UP, by=by)),
    )
    links = (
        kit.BoardLink("Processes", "obskit-host", (("service", kit.row("Service")),)),
        kit.logs_link(kit.row("Service")),
    )
    return kit.rows(about, {"service_name": "Service", "instance": "Instance"}, columns, Onward(links))


def _scraped_now() -> Panel:
    about = About(
        "Slowest scrape",
        "How long Prometheus waits for the slowest page.",
        "Below 100 ms.",
        "See Duration of scrapes for which service it is.",
        none="no target",
    )
    return kit.number(about, kit.highest(_PROMETHEUS.SCRAPE_DURATION), Scale("s"), Onward(_ALL))


def _lines_now() -> Panel:
    about = About(
        "Log lines",
        "Log lines a second that the services write.",
        "In step with requests.",
        "See Log lines by service.",
        none="no lines",
    )
    return kit.number(about, kit.per_second(LOG_RECORDS, SERVICE), Scale("cps"), Onward(_ALL))


def _held() -> Panel:
    about = About(
        "Series in memory",
        "Series that Prometheus holds; each metric of obskit has a cap.",
        "Level after the first minutes of load.",
        "Grows for hours: a label has values without end, see Samples by target.",
        none="Prometheus is not scraped",
    )
    of = (Line(kit.total(_PROMETHEUS.SERIES), "series"),)
    return kit.graph(about, of, Scale("short"), Onward(_ALL), width=12)


def _head() -> Panel:
    about = About(
        "Samples stored",
        "Samples a second that Prometheus stores.",
        "Level.",
        "Falls: targets are gone. Rises: see Samples by target.",
        none="Prometheus is not scraped",
    )
    of = (Line(kit.per_second(_PROMETHEUS.SAMPLES), "samples"),)
    return kit.graph(about, of, Scale("cps"), Onward(_ALL, boards=_NEXT), width=12)


def _log_lines() -> Panel:
    about = About(
        "What obskit, the shipper and the pager say",
        "Lost exports, refused lines, missed heartbeats, pages that failed.",
        "Starts only.",
        "failed without a later recovered goes on.",
        none="none in the shown range",
        empty="the watchers are well; filled by the fault telemetry-backend-down",
    )
    events = ("obskit.export_", "ship.", "watchdog.", "page.failed", "store.failed", "event.refused")
    return kit.log_events(about, *events, of='service_name=~".+"')
