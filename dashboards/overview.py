"""Fleet overview: is anything broken, and where to click."""

from obskit import boards as kit
from obskit.boards import RANGE, SERVICE, About, Board, Column, Line, Onward, Panel, Row, Scale, Threshold
from obskit.catalog import BUILD_INFO, LOG_RECORDS, SERVER_DURATION

_BY = ("service_name",)
_SEVERITY = 'severity=~"$severity"'
_FAILURES = Scale("percentunit", kit.at(*kit.limits("AvailabilityBudgetBurn")))
_DURATION = Scale("s", kit.at(None, kit.slow_after_s()))
_FAILED_BOOKS = ("AvailabilityBudgetBurn", "ServiceErrorRatioHigh")
_SLOW_BOOKS = ("LatencyBudgetBurn", "ServiceLatencyHigh")
_ANY = (Threshold(1),)

_LINE = kit.series("service_name")
_ROW = kit.row("Service")
_SERVICE_BOARD = kit.next_board("service", "Service RED")
_ALL = (kit.logs_link(), kit.traces_link(kit.CHOSEN, "kind=server"))
_ONE = (
    kit.BoardLink("Board of this service", "obskit-service", (("service", _LINE),)),
    kit.logs_link(_LINE),
    kit.traces_link(_LINE, "kind=server"),
)
_ERRORS = (
    kit.logs_link(level="error|critical", title="Logs of errors"),
    kit.traces_link(kit.CHOSEN, "status=error", title="Traces of errors"),
)
_INCIDENTS = kit.PageLink("Incidents", "http://127.0.0.1:8601/incidents")


def board() -> Board:
    """Return the board."""
    return Board(
        name="overview",
        title="Fleet overview",
        question="Is anything broken, and where do I click?",
        how_to_read="Numbers of the whole fleet first, then one row a service, then what fires and what was logged.",
        when_paged=(
            "Find the service with a red cell in **Services** and click it: its board opens, filled in. "
            "Several red rows at once: the one that others call, see **Who calls whom**."
        ),
        variables=(
            kit.services(kit.UP),
            kit.pick("severity", "Severity", kit.ALERTS, "severity", 'severity=~"page|ticket"'),
        ),
        rows=(
            Row("", (_up(), _down(), _firing(), _rate(), _ratio(), _budget())),
            Row("Services", (_services(),)),
            Row("Requests", (_rates(), _ratios(), _p95())),
            Row("What fires", (_alerts(), _alert_course())),
            Row("Who calls whom", (_edges(), _week())),
            Row("Logs and changes", (_log_errors(), _versions(), _log_lines())),
        ),
    )


def _up() -> Panel:
    about = About(
        "Services up",
        "Services of which Prometheus can scrape at least one instance.",
        "All that were started.",
        "Fewer than yesterday: a service is gone from the list of targets, see Targets on the telemetry board.",
        none="no target",
    )
    return kit.number(about, kit.up(), Scale("none"), Onward(_ALL, ("ServiceAbsent",)))


def _down() -> Panel:
    about = About(
        "Services down",
        "Services of which no instance answers Prometheus.",
        "0.",
        "Open the runbook TargetDown; read the last lines that the service logged.",
        none="no target",
    )
    return kit.number(about, kit.down(), Scale("none", _ANY), Onward(_ALL, ("TargetDown",)))


def _firing() -> Panel:
    about = About(
        "Alerts",
        "Alerts that fire now, of the chosen severities.",
        "0 pages; a few tickets are work for the day.",
        "See What fires below, and acknowledge the incident in the pager.",
        none="no target",
    )
    return kit.number(about, kit.firing(_SEVERITY), Scale("none", _ANY), Onward((_INCIDENTS, *_ALL)))


def _rate() -> Panel:
    about = About(
        "Requests",
        "Requests a second that all services answer; a call from service to service counts too.",
        "Near the same hour of other days, see Now and a week ago.",
        "A sudden drop: callers cannot reach the edge, see the gateway board.",
    )
    expr = kit.per_second(SERVER_DURATION, SERVICE)
    return kit.number(about, expr, Scale("reqps"), Onward(_ALL, ("TrafficStopped",), (_SERVICE_BOARD,)))


def _ratio() -> Panel:
    about = About(
        "Error ratio",
        "Share of all requests that failed by the fault of the service that answered.",
        "0 %.",
        "See in Services who fails, then open its board.",
    )
    expr = kit.error_ratio(SERVER_DURATION, kit.SERVER_ERRORS, SERVICE)
    return kit.number(about, expr, _FAILURES, Onward(_ERRORS, _FAILED_BOOKS, (_SERVICE_BOARD,)))


def _budget() -> Panel:
    about = About(
        "Error budget left",
        "Share of the error budget that is left, of the objective that is worst.",
        "Above 0 % at the end of its window.",
        "Little is left: hold back risky changes; see the SLO board for what spends it.",
        none="no objective",
    )
    expr = f"clamp_min(min({kit.BUDGET_LEFT.name}{{{SERVICE}}}), 0)"
    onward = Onward(_ERRORS, ("AvailabilityBudgetBurn", "LatencyBudgetBurn"), (kit.next_board("slo", "SLO"),))
    return kit.number(about, expr, Scale("percentunit"), onward)


def _services() -> Panel:
    about = About(
        "Services",
        "One row a service over the shown range: how much, how well, how fast, what it logs.",
        "No red cell.",
        "Click a row: the board of that service opens, at the same time.",
    )
    columns = (
        Column("Requests/s", "reqps", kit.per_second(SERVER_DURATION, SERVICE, by=_BY, window=RANGE)),
        Column(
            "Error ratio",
            "percentunit",
            kit.error_ratio(SERVER_DURATION, kit.SERVER_ERRORS, SERVICE, by=_BY, window=RANGE),
            _FAILURES.thresholds,
        ),
        Column(
            "p95",
            "s",
            kit.quantile(0.95, SERVER_DURATION, SERVICE, by=_BY, window=RANGE),
            _DURATION.thresholds,
        ),
        Column(
            "Errors logged",
            "none",
            kit.increase(LOG_RECORDS, SERVICE, 'level=~"error|critical"', by=_BY),
        ),
        Column("Instances", "none", kit.total(kit.UP, SERVICE, by=_BY)),
    )
    links = (
        kit.BoardLink("Board of this service", "obskit-service", (("service", _ROW),)),
        kit.logs_link(_ROW),
        kit.traces_link(_ROW, "kind=server"),
    )
    onward = Onward(links, (*_FAILED_BOOKS, *_SLOW_BOOKS))
    return kit.rows(about, {"service_name": "Service"}, columns, onward)


def _rates() -> Panel:
    about = About(
        "Requests by service",
        "Requests a second, by the service that answers them.",
        "In proportion: one order makes a fixed number of calls behind it.",
        "One service grows alone: it is retried, or somebody calls it directly.",
    )
    of = (Line(kit.per_second(SERVER_DURATION, SERVICE, by=_BY), "{{service_name}}"),)
    return kit.stack(about, of, Scale("reqps"), Onward(_ONE))


def _ratios() -> Panel:
    about = About(
        "Error ratio by service",
        "Share of requests that each service failed by its own fault.",
        "0 %.",
        "The deepest service that fails is the cause; those above it pass the failure on.",
    )
    expr = kit.error_ratio(SERVER_DURATION, kit.SERVER_ERRORS, SERVICE, by=_BY)
    return kit.graph(about, (Line(expr, "{{service_name}}"),), _FAILURES, Onward(_ONE, _FAILED_BOOKS))


def _p95() -> Panel:
    about = About(
        "Duration p95 by service",
        "How long each service takes. Each dot is one request: it opens its trace.",
        "Callers above those they call, all below the dashed line.",
        "All lines up to one service rise together: that one is slow.",
    )
    expr = kit.quantile(0.95, SERVER_DURATION, SERVICE, by=_BY)
    return kit.latency(about, (Line(expr, "{{service_name}}"),), _DURATION, Onward(_ONE, _SLOW_BOOKS))


def _alerts() -> Panel:
    about = About(
        "Alerts now",
        "Alerts that fire now.",
        "None.",
        "Click a row for the alert's runbook; the service's board is behind the second link.",
        none="nothing fires",
        empty="nothing fires on a healthy system; filled by the fault inventory-errors",
    )
    by = ("alertname", "service_name", "severity")
    columns = (Column("Firing", "none", kit.firing(_SEVERITY, by=by)),)
    links = (
        kit.PageLink("Runbook", f"{kit.RUNBOOKS}/{kit.row('Alert')}"),
        kit.BoardLink("Board of this service", "obskit-service", (("service", _ROW),)),
        kit.logs_link(_ROW),
    )
    keys = {"alertname": "Alert", "service_name": "Service", "severity": "Severity"}
    return kit.rows(about, keys, columns, Onward(links, boards=(kit.next_board("slo", "SLO"),)), width=12)


def _alert_course() -> Panel:
    about = About(
        "Alerts over time",
        "How many alerts fired, by severity.",
        "No line.",
        "An alert that comes and goes points at something that fails now and then: see its service.",
        none="nothing fired",
        empty="nothing fires on a healthy system; filled by the fault inventory-errors",
    )
    of = (Line(kit.firing(_SEVERITY, by=("severity",)), "{{severity}}"),)
    return kit.stack(about, of, Scale("none"), Onward((_INCIDENTS, *_ALL)), width=12)


def _edges() -> Panel:
    about = About(
        "Who calls whom",
        "Calls between services over the shown range, counted in their traces, HTTP and messages.",
        "No failures; durations in step with those of the called service.",
        "The last row of a red chain is the cause. Click it for the traces.",
        none="no traces",
    )
    by = ("client", "server", "connection_type")
    metrics = kit.TraceMetrics
    calls = kit.per_second(metrics.CALLS, by=by, window=RANGE)
    failed = kit.or_zero(kit.per_second(metrics.FAILED, by=by, window=RANGE), calls)
    columns = (
        Column("Calls/s", "reqps", calls),
        Column("Failed/s", "reqps", failed),
        Column("p95", "s", kit.quantile(0.95, metrics.DURATION, by=by, window=RANGE)),
    )
    called = kit.row("Callee")
    links = (
        kit.traces_link(called, "kind=server"),
        kit.logs_link(called),
        kit.BoardLink("Board of the callee", "obskit-service", (("service", called),)),
    )
    keys = {"client": "Caller", "server": "Callee", "connection_type": "Over"}
    return kit.rows(about, keys, columns, Onward(links), width=16)


def _week() -> Panel:
    about = About(
        "Now and earlier",
        "Requests a second now, a day ago and a week ago.",
        "Three lines of one shape.",
        "Far below yesterday without an error: callers stay away, look before the edge.",
    )
    now = kit.per_second(SERVER_DURATION, SERVICE)
    of = (
        Line(now, "now", colour="blue"),
        Line(kit.past(now, "1d"), "a day ago", dashed=True),
        Line(kit.past(now, "1w"), "a week ago", dashed=True),
    )
    return kit.graph(about, of, Scale("reqps"), Onward(_ALL))


def _log_errors() -> Panel:
    about = About(
        "Errors logged",
        "Log lines of level error and critical a second, by service.",
        "0.",
        "Click the line: its lines open. Each has the trace of its request.",
        none="no lines",
    )
    expr = kit.per_second(LOG_RECORDS, SERVICE, 'level=~"error|critical"', by=_BY)
    return kit.graph(
        about, (Line(expr, "{{service_name}}"),), Scale("cps"), Onward(_ONE, ("LogErrorsHigh",)), width=12
    )


def _versions() -> Panel:
    about = About(
        "What runs",
        "Version and source revision of each service, and how many instances run it.",
        "One version a service, except during a roll-out.",
        "Two versions for long: the roll-out is stuck.",
        none="no target",
    )
    by = ("service_name", "version", "revision")
    columns = (Column("Instances", "none", kit.total(BUILD_INFO, SERVICE, by=by)),)
    links = (
        kit.logs_link(_ROW, pipeline=' | json | event="obskit.started"', title="Starts"),
        kit.BoardLink("Processes", "obskit-host", (("service", _ROW),)),
    )
    keys = {"service_name": "Service", "version": "Version", "revision": "Revision"}
    return kit.rows(about, keys, columns, Onward(links), width=12)


def _log_lines() -> Panel:
    about = About(
        "Latest errors",
        "The latest log lines of level error and critical of all services.",
        "None.",
        "Open a line: its trace_id leads to all that happened in its request.",
        none="none in the shown range",
        empty="no error; filled by the fault inventory-errors",
    )
    return kit.log_lines(about, '{service_name=~"$service", level=~"error|critical"} | json')
