"""Service RED: rate, errors and duration of a service, then the route, dependency or process behind them."""

from obskit import boards as kit
from obskit.boards import RANGE, SERVICE, About, Board, Column, Line, Onward, Panel, Row, Scale
from obskit.catalog import ACTIVE_REQUESTS, CLIENT_DURATION, LOG_RECORDS, SERVER_DURATION

_WHERE = (SERVICE, 'http_route=~"$route"')
_ROUTE = ("service_name", "http_request_method", "http_route")
_CALL = ("service_name", "server_address", "url_template")
_CALL_NAME = "{{service_name}} to {{server_address}} {{url_template}}"

_FAILURES = Scale("percentunit", kit.at(*kit.limits("AvailabilityBudgetBurn")))
_SLOWNESS = Scale("percentunit", kit.at(*kit.limits("LatencyBudgetBurn")))
_SLOW_S = kit.slow_after_s()
_DURATION = Scale("s", kit.at(None, _SLOW_S))

_FAILED_BOOKS = ("AvailabilityBudgetBurn", "ServiceErrorRatioHigh")
_SLOW_BOOKS = ("LatencyBudgetBurn", "ServiceLatencyHigh")

_SLOW_SPANS = f"duration>{_SLOW_S * 1000:g}ms"
_LINE = kit.series("service_name")
_ALL = (kit.logs_link(), kit.traces_link(kit.CHOSEN, "kind=server"))
_SLOW = (kit.logs_link(), kit.traces_link(kit.CHOSEN, "kind=server", _SLOW_SPANS, title="Slow traces"))


def _errors(service: str) -> tuple[kit.Link, ...]:
    return (
        kit.logs_link(service, level="error|critical", title="Logs of errors"),
        kit.traces_link(service, "status=error", title="Traces of errors"),
    )


_CALLS_LINKS = (kit.logs_link(_LINE), kit.traces_link(_LINE, "kind=client", title="Traces of calls"))


def board() -> Board:
    """Return the board."""
    return Board(
        name="service",
        title="Service RED",
        question="Does this service answer its callers, correctly and in time, and if not, which part does not?",
        how_to_read=(
            "Numbers first, their course below, then routes, calls to others, logs and traces, the process. "
            "Dashed lines are limits: yellow opens a ticket, red pages."
        ),
        when_paged=(
            "Find the route that fails or is slow in **Routes**; **Calls by dependency** tells whether its "
            "errors or its time come from elsewhere. Click any line for its logs and traces."
        ),
        variables=(
            kit.services(SERVER_DURATION),
            kit.pick("route", "Route", SERVER_DURATION, "http_route", SERVICE),
        ),
        rows=(
            Row("", (_rate(), _ratio(), _p95(), _slow_share(), _in_flight(), _instances())),
            Row("Requests", (_statuses(), _ratio_by_service(), _quantiles())),
            Row("Durations", (_spread(), _failed_durations())),
            Row("Routes", (_routes(),)),
            Row("Calls to others", (_calls(), _call_errors(), _call_durations())),
            Row("Logs and traces", (_levels(), _slow_traces(), _log_lines())),
            kit.process_row(),
        ),
    )


def _rate() -> Panel:
    about = About(
        "Requests",
        "Requests a second that the chosen routes answer now.",
        "Near the same hour of other days; nothing at all is not normal for a service in use.",
        "A sudden drop means that callers cannot reach it: see the gateway, and Instances up.",
    )
    return kit.number(about, kit.per_second(SERVER_DURATION, *_WHERE), Scale("reqps"), Onward(_ALL))


def _ratio() -> Panel:
    about = About(
        "Error ratio",
        "Share of requests that failed by the service's own fault (outcome server_error).",
        "0 %. Above the yellow limit the error budget does not last 30 days.",
        "Open the runbook; find the failing route in Routes and the cause in Logs of errors.",
    )
    expr = kit.error_ratio(SERVER_DURATION, kit.SERVER_ERRORS, *_WHERE)
    return kit.number(about, expr, _FAILURES, Onward(_errors(kit.CHOSEN), _FAILED_BOOKS))


def _p95() -> Panel:
    about = About(
        "Duration p95",
        "Nineteen of twenty requests are answered at least this fast.",
        f"Below {_SLOW_S:g} s, the latency objective.",
        "See Routes for the slow one, then Calls by dependency for who makes it slow.",
    )
    expr = kit.quantile(0.95, SERVER_DURATION, *_WHERE)
    return kit.number(about, expr, _DURATION, Onward(_SLOW, _SLOW_BOOKS))


def _slow_share() -> Panel:
    about = About(
        "Slow requests",
        f"Share of requests that took longer than {_SLOW_S:g} s; those that callers gave up do not count.",
        "Below the yellow limit, at which the latency budget lasts 30 days.",
        "Open the runbook; a slow trace shows which step took the time.",
    )
    expr = kit.slow_ratio(SERVER_DURATION, _SLOW_S, *_WHERE, 'outcome!="aborted"')
    return kit.number(about, expr, _SLOWNESS, Onward(_SLOW, _SLOW_BOOKS))


def _in_flight() -> Panel:
    about = About(
        "In flight",
        "Requests that are being answered at this moment, on all routes.",
        "About requests a second times mean duration; steady under steady load.",
        "Growing while Requests is steady means that answers get stuck: see Calls by dependency.",
    )
    return kit.number(about, kit.total(ACTIVE_REQUESTS, SERVICE), Scale("none"), Onward(_ALL))


def _instances() -> Panel:
    about = About(
        "Instances up",
        "Instances of the chosen services that Prometheus can scrape.",
        "All that were started.",
        "Open the runbook TargetDown; read the last lines that the missing one logged.",
        none="no target",
    )
    return kit.number(about, kit.total(kit.UP, SERVICE), Scale("none"), Onward(_ALL, ("TargetDown",)))


def _statuses() -> Panel:
    about = About(
        "Requests by status",
        "Requests a second by class of status.",
        "Green. Yellow is what callers did wrong, red is what the service did wrong.",
        "Red: follow Error ratio. Yellow that grows: a caller was changed, or somebody probes.",
    )
    return kit.status_stack(about, kit.status_classes(*_WHERE), Onward(_ALL))


def _ratio_by_service() -> Panel:
    about = About(
        "Error ratio by service",
        "Share of requests that failed by the service's own fault.",
        "0 %. At the gateway the red limit pages when it is exceeded for an hour; behind it a ticket opens.",
        "Compare with the blue marks: a start just before means a bad deploy, so roll back.",
    )
    expr = kit.error_ratio(SERVER_DURATION, kit.SERVER_ERRORS, *_WHERE, by=("service_name",))
    return kit.graph(
        about, (Line(expr, "{{service_name}}"),), _FAILURES, Onward(_errors(_LINE), _FAILED_BOOKS)
    )


def _quantiles() -> Panel:
    about = About(
        "Duration",
        "Median, p95 and p99 of all requests. Each dot is one request: it opens its trace.",
        f"p95 below {_SLOW_S:g} s; p99 within a few times p95.",
        "Only p99 rises: a few requests wait (locks, retries, a cold cache). All rise: load or a dependency.",
    )
    of = tuple(Line(kit.quantile(q / 100, SERVER_DURATION, *_WHERE), f"p{q}") for q in (50, 95, 99))
    return kit.latency(about, of, _DURATION, Onward(_SLOW, _SLOW_BOOKS))


def _spread() -> Panel:
    about = About(
        "Spread of durations",
        "How many requests took how long. Each dot is one request: it opens its trace.",
        "One band. Two bands are two kinds of work, such as cache hits and misses.",
        "A band that climbs is saturation; a new band high up is a timeout or a retry.",
    )
    return kit.heat_map(about, kit.buckets(SERVER_DURATION, *_WHERE), "s", Onward(_SLOW))


def _failed_durations() -> Panel:
    about = About(
        "Duration of failed and other requests",
        "p95 of requests that failed, and of the others. Without failures they have no line.",
        "No failures.",
        "Failures at a round number of seconds are timeouts; failures near 0 are refused at once.",
    )
    others = kit.quantile(0.95, SERVER_DURATION, *_WHERE, 'outcome!="server_error"')
    failed = kit.quantile(0.95, SERVER_DURATION, *_WHERE, kit.SERVER_ERRORS)
    of = (Line(others, "others", colour="green"), Line(failed, "failed", colour="red"))
    return kit.latency(about, of, _DURATION, Onward(_errors(kit.CHOSEN), _SLOW_BOOKS), width=12)


def _routes() -> Panel:
    about = About(
        "Routes",
        "Each route over the shown range: how often, how well, how fast, and its share of all time spent.",
        "No red cell. The route with most of the time is where work on speed pays.",
        "Click a cell: the whole board for that route, its logs, its traces.",
    )
    failures = kit.error_ratio(SERVER_DURATION, kit.SERVER_ERRORS, *_WHERE, by=_ROUTE, window=RANGE)
    p95 = kit.quantile(0.95, SERVER_DURATION, *_WHERE, by=_ROUTE, window=RANGE)
    columns = (
        Column("Requests/s", "reqps", kit.per_second(SERVER_DURATION, *_WHERE, by=_ROUTE, window=RANGE)),
        Column("Error ratio", "percentunit", failures, _FAILURES.thresholds),
        Column("p95", "s", p95, _DURATION.thresholds),
        Column("Share of time", "percentunit", kit.time_share(SERVER_DURATION, *_WHERE, by=_ROUTE)),
    )
    service, route = kit.row("Service"), kit.row("Route")
    links = (
        kit.BoardLink("This route only", "obskit-service", (("service", service), ("route", route))),
        kit.logs_link(service, pipeline=f' | json | route="{route}"', title="Logs of the route"),
        kit.traces_link(service, f'span.http.route="{route}"', title="Traces of the route"),
    )
    keys = {"service_name": "Service", "http_request_method": "Method", "http_route": "Route"}
    return kit.rows(about, keys, columns, Onward(links, (*_FAILED_BOOKS, *_SLOW_BOOKS)))


def _calls() -> Panel:
    about = About(
        "Calls by dependency",
        "Each dependency over the shown range, as this service waits for it.",
        "No red cell; durations well below those of the routes that use them.",
        "Red here and red in Routes: the dependency is the cause. Open its board.",
        none="calls nobody",
    )
    rate = kit.per_second(CLIENT_DURATION, SERVICE, by=_CALL, window=RANGE)
    failures = kit.error_ratio(CLIENT_DURATION, kit.CLIENT_ERRORS, SERVICE, by=_CALL, window=RANGE)
    p95 = kit.quantile(0.95, CLIENT_DURATION, SERVICE, by=_CALL, window=RANGE)
    columns = (
        Column("Calls/s", "reqps", rate),
        Column("Error ratio", "percentunit", failures, _FAILURES.thresholds),
        Column("p95", "s", p95, _DURATION.thresholds),
    )
    service, host = kit.row("Service"), f'span.server.address="{kit.row("Host")}"'
    links = (
        kit.logs_link(service),
        kit.traces_link(service, "kind=client", host, title="Traces of these calls"),
        kit.BoardLink("Its dependencies", "obskit-resilience", (("service", service),)),
    )
    keys = {"service_name": "Service", "server_address": "Host", "url_template": "Call"}
    return kit.rows(about, keys, columns, Onward(links, (*_FAILED_BOOKS, *_SLOW_BOOKS)))


def _call_errors() -> Panel:
    about = About(
        "Error ratio of calls",
        "Share of outbound calls without an answer, or with an answer of 500 and more.",
        "0 %.",
        "See whether this service retries or passes the failure on; then go to the dependency's board.",
        none="calls nobody",
    )
    expr = kit.error_ratio(CLIENT_DURATION, kit.CLIENT_ERRORS, SERVICE, by=_CALL)
    onward = Onward(_CALLS_LINKS, _FAILED_BOOKS)
    return kit.graph(about, (Line(expr, _CALL_NAME),), _FAILURES, onward, width=12)


def _call_durations() -> Panel:
    about = About(
        "Duration of calls p95",
        "How long this service waits for each dependency. Each dot is one call: it opens its trace.",
        "Steady, and below the duration of the routes that wait for it.",
        "Rises together with Duration: the dependency makes this service slow.",
        none="calls nobody",
    )
    expr = kit.quantile(0.95, CLIENT_DURATION, SERVICE, by=_CALL)
    onward = Onward(_CALLS_LINKS, _SLOW_BOOKS)
    return kit.latency(about, (Line(expr, _CALL_NAME),), _DURATION, onward, width=12)


def _levels() -> Panel:
    about = About(
        "Log lines by level",
        "Lines a second that the service writes, by level.",
        "info, in step with requests.",
        "A burst of warning or error: read them below.",
        none="no lines",
    )
    of = (Line(kit.per_second(LOG_RECORDS, SERVICE, by=("level",)), "{{level}}"),)
    return kit.stack(about, of, Scale("cps"), Onward(_ALL))


def _slow_traces() -> Panel:
    about = About(
        "Slow traces",
        f"Traces of requests that took longer than {_SLOW_S:g} s, newest first.",
        "Few or none.",
        "Open one: the longest bar without children below it is where the time went.",
        none="none in the shown range",
        empty="no slow request; filled by the fault inventory-slow",
    )
    query = f'{{resource.service.name=~"$service" && kind=server && {_SLOW_SPANS}}}'
    return kit.traces(about, query, width=16)


def _log_lines() -> Panel:
    about = About(
        "Warnings and errors",
        "The latest log lines above info. A line with a trace_id opens its trace.",
        "Few, and each understood.",
        "Open a line: request_id and trace_id lead to all that happened in its request.",
        none="none in the shown range",
        empty="no warning or error; filled by the fault inventory-errors",
    )
    return kit.log_lines(about, '{service_name=~"$service", level=~"warning|error|critical"} | json')
