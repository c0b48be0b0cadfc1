"""SLO and error budget: is the promise kept, and how fast is the budget used up."""

from obskit import boards as kit
from obskit.boards import RANGE, SERVICE, About, Board, Column, Line, Onward, Panel, Row, Scale
from obskit.catalog import SERVER_DURATION

_TICKET, _PAGE = kit.limits("AvailabilityBudgetBurn")
_SLOW_S = kit.slow_after_s()
_PERIOD_S = 30 * 86400
_SLO = (SERVICE, 'slo=~"$slo"')
_OF = ("service_name", "slo")
_NAME = "{{service_name}} {{slo}}"
# The slowest window opens a ticket at once the allowed share, so the lowest limit is that share itself.
_BURN = Scale("suffix:x", kit.at(1, round(_PAGE / _TICKET, 6)))
_ERRORS = "service:http_request_errors_per_requests:ratio_rate5m"
_BAD = "slo:bad_per_events:ratio_rate"
_ROUTE = ("service_name", "http_request_method", "http_route")
_BOOKS, _SLOW_BOOKS = ("AvailabilityBudgetBurn",), ("LatencyBudgetBurn",)
_ALL_BOOKS = (*_BOOKS, *_SLOW_BOOKS)
_SERVED = (SERVICE, 'outcome!="aborted"')

_FAILED_LINKS = (
    kit.logs_link(level="error|critical", title="Logs of errors"),
    kit.traces_link(kit.CHOSEN, "status=error", title="Traces of errors"),
)
_SLOW_LINKS = (
    kit.logs_link(
        pipeline=f' | json | event="http.request" | duration_ms>{_SLOW_S * 1000:g}', title="Slow requests"
    ),
    kit.traces_link(kit.CHOSEN, "kind=server", f"duration>{_SLOW_S * 1000:g}ms", title="Slow traces"),
)
_NEXT = (kit.next_board("service", "Service RED"),)


def board() -> Board:
    """Return the board."""
    return Board(
        name="slo",
        title="SLO and error budget",
        question="Is the promise kept, and how long does the error budget last at this rate?",
        how_to_read=(
            "Objectives are promised over 30 days in alerts/slo.yaml. Burn 1x uses exactly the budget in that time; "
            "14.4x for an hour uses 2 % of it. The promise is the edge's; other services are shown for the cause."
        ),
        when_paged=(
            "**Burn by window**: the short window still high means that it goes on. "
            "**Routes that spend the budget** says where; a deploy mark just before says why."
        ),
        variables=(
            kit.services(SERVER_DURATION),
            kit.pick("slo", "SLO", kit.OBJECTIVE, "slo", SERVICE),
        ),
        rows=(
            Row("", (_left(), _burn_now(), _gone(), _promise(), _kept(), _fast())),
            Row("Budget and burn", (_budget(), _burn())),
            Row("Objectives", (_objectives(),)),
            Row("What was spent", (_spent(), _slow_spent(), _good_bad())),
            Row("Who spends it", (_by_service(), _routes())),
            Row("Windows in breach", (_breach(), _course(), _durations())),
        ),
    )


def _per(expr: str) -> str:
    """Divide a share of bad events by the share that is allowed: how fast the budget burns."""
    allowed = f"(1 - max by (service_name, slo) ({kit.OBJECTIVE.name}{{{', '.join(_SLO)}}}) > 0)"
    return f"({expr}) / on (service_name, slo) {allowed}"


def _bad(window: str) -> str:
    return f"max by (service_name, slo) ({_BAD}{window}{{{', '.join(_SLO)}}})"


def _budget_left() -> str:
    return f"clamp_min({kit.lowest(kit.BUDGET_LEFT, *_SLO, by=_OF)}, 0)"


def _left() -> Panel:
    about = About(
        "Budget left",
        "Share of the error budget that is left, of the objective that is worst; 0 % when it is overspent.",
        "Above 0 % at the end of the 30 days.",
        "Little is left: hold back risky changes, mend what spends it.",
        none="no objective",
    )
    return kit.number(
        about, f"min({_budget_left()})", Scale("percentunit"), Onward(_FAILED_LINKS, _ALL_BOOKS, _NEXT)
    )


def _promise() -> Panel:
    about = About(
        "Strictest promise",
        "Share of events that have to be good, of the chosen objective that promises most.",
        "As alerts/slo.yaml says.",
        "Change it there, not here: obskit alerts build.",
        none="no objective",
    )
    return kit.number(about, kit.highest(kit.OBJECTIVE, *_SLO), Scale("percentunit"), Onward(_FAILED_LINKS))


def _kept() -> Panel:
    about = About(
        "Answered",
        "Share of requests over the shown range that did not fail.",
        "The promise or more.",
        "See Routes that spend the budget.",
    )
    expr = f"1 - ({kit.error_ratio(SERVER_DURATION, kit.SERVER_ERRORS, SERVICE, window=RANGE)})"
    return kit.over_range(about, expr, Scale("percentunit"), Onward(_FAILED_LINKS, _BOOKS, _NEXT))


def _fast() -> Panel:
    about = About(
        "Answered in time",
        f"Share of requests over the shown range that took at most {_SLOW_S:g} s.",
        "The promise or more.",
        "See the slow route in Routes that spend the budget.",
    )
    expr = f"1 - ({kit.slow_ratio(SERVER_DURATION, _SLOW_S, *_SERVED, window=RANGE)})"
    return kit.over_range(about, expr, Scale("percentunit"), Onward(_SLOW_LINKS, _SLOW_BOOKS, _NEXT))


def _burn_now() -> Panel:
    about = About(
        "Burn",
        "How many times the allowed share of events was bad over the last hour, of the worst objective.",
        "Below 1x: the budget lasts.",
        "Open the runbook; from the red value on it pages.",
        none="no objective",
    )
    return kit.number(about, f"max({_per(_bad('1h'))})", _BURN, Onward(_FAILED_LINKS, _ALL_BOOKS))


def _gone() -> Panel:
    about = About(
        "Budget gone in",
        "At the rate of the last hour, a whole budget of 30 days is used up after this time.",
        "Longer than 30 days, or nothing is bad.",
        "Hours: stop what breaks it now, find the cause later.",
        none="nothing is bad",
        empty="nothing fails; filled by the fault inventory-errors",
    )
    expr = f"{_PERIOD_S} / (max({_per(_bad('1h'))}) > 0)"
    return kit.number(about, expr, Scale("s"), Onward(_FAILED_LINKS, boards=_NEXT))


def _budget() -> Panel:
    about = About(
        "Budget left over time",
        "Share of each error budget that is left; 0 % when it is overspent.",
        "Falls slowly, rises when bad days leave the window.",
        "A step down is one incident: see the marks of deploys and alerts at its beginning.",
        none="no objective",
    )
    of = (Line(_budget_left(), _NAME),)
    return kit.graph(about, of, Scale("percentunit"), Onward(_FAILED_LINKS, _ALL_BOOKS), width=12)


def _burn() -> Panel:
    about = About(
        "Burn by window",
        "How many times the allowed share was bad, over windows of several lengths, of the worst objective.",
        "All below 1x.",
        "Long windows high, short ones low: it is over. Both high: it goes on, and pages from the red line on.",
        none="no objective",
    )
    of = tuple(
        Line(f"max({_per(_bad(window))})", window, dashed=window in {"5m", "30m"})
        for window in ("5m", "30m", "1h", "6h", "3d")
    )
    return kit.graph(about, of, _BURN, Onward(_FAILED_LINKS, _ALL_BOOKS), width=12)


def _objectives() -> Panel:
    about = About(
        "Objectives",
        "Each objective: the promise, what is left of its budget, and how fast it burns now and over days.",
        "Budget left; burn below 1x.",
        "Click a row for the board of its service.",
        none="no objective",
    )
    columns = (
        Column("Budget left", "percentunit", _budget_left()),
        Column("Promise", "percentunit", kit.highest(kit.OBJECTIVE, *_SLO, by=_OF)),
        Column("Burn 1h", "suffix:x", _per(_bad("1h")), _BURN.thresholds),
        Column("Burn 6h", "suffix:x", _per(_bad("6h")), _BURN.thresholds),
        Column("Burn 3d", "suffix:x", _per(_bad("3d")), _BURN.thresholds),
    )
    service = kit.row("Service")
    links = (
        kit.BoardLink("Board of this service", "obskit-service", (("service", service),)),
        kit.logs_link(service, level="error|critical"),
        kit.traces_link(service, "status=error"),
    )
    return kit.rows(about, {"service_name": "Service", "slo": "SLO"}, columns, Onward(links, _ALL_BOOKS))


def _spent() -> Panel:
    about = About(
        "Failed requests",
        "Requests that failed within the shown range: each spends a part of the budget.",
        "Few.",
        "See Routes that spend the budget.",
    )
    expr = kit.or_zero(
        kit.increase(SERVER_DURATION, SERVICE, kit.SERVER_ERRORS), kit.increase(SERVER_DURATION, SERVICE)
    )
    return kit.over_range(about, expr, Scale("short"), Onward(_FAILED_LINKS, boards=_NEXT))


def _slow_spent() -> Panel:
    about = About(
        "Slow requests",
        f"Requests within the shown range that took longer than {_SLOW_S:g} s.",
        "Few.",
        "See the slow route in Routes that spend the budget.",
    )
    share = kit.slow_ratio(SERVER_DURATION, _SLOW_S, *_SERVED, window=RANGE)
    expr = f"({share}) * {kit.increase(SERVER_DURATION, *_SERVED)}"
    return kit.over_range(about, expr, Scale("short"), Onward(_SLOW_LINKS, boards=_NEXT))


def _good_bad() -> Panel:
    about = About(
        "Good and bad requests",
        "Requests a second that kept the promise, and those that failed.",
        "All green.",
        "Red: follow the service in Failures by service.",
    )
    every = kit.per_second(SERVER_DURATION, SERVICE)
    good = kit.per_second(SERVER_DURATION, SERVICE, 'outcome!="server_error"')
    bad = kit.or_zero(kit.per_second(SERVER_DURATION, SERVICE, kit.SERVER_ERRORS), every)
    of = (Line(good, "good", colour="green"), Line(bad, "bad", colour="red"))
    return kit.stack(about, of, Scale("reqps"), Onward(_FAILED_LINKS), width=16)


def _by_service() -> Panel:
    about = About(
        "Failures by service",
        "Share of requests that failed over the last 5 minutes, as the rules record it.",
        "0 %.",
        "The deepest service that fails is the cause; the gateway spends the budget for it.",
    )
    onward = Onward(
        (
            kit.BoardLink(
                "Board of this service", "obskit-service", (("service", kit.series("service_name")),)
            ),
            kit.logs_link(kit.series("service_name"), level="error|critical"),
            kit.traces_link(kit.series("service_name"), "status=error"),
        ),
        _BOOKS,
    )
    of = (Line(f"max by (service_name) ({_ERRORS}{{{SERVICE}}})", "{{service_name}}"),)
    return kit.graph(about, of, Scale("percentunit", kit.at(_TICKET, _PAGE)), onward)


def _routes() -> Panel:
    about = About(
        "Routes that spend the budget",
        "Each route over the shown range: how many requests failed, what share, and how slow it is.",
        "No failures.",
        "The first row is where the budget goes. Click it for the board of that route.",
    )
    every = kit.increase(SERVER_DURATION, SERVICE, by=_ROUTE)
    failed = kit.or_zero(kit.increase(SERVER_DURATION, SERVICE, kit.SERVER_ERRORS, by=_ROUTE), every)
    ratio = kit.error_ratio(SERVER_DURATION, kit.SERVER_ERRORS, SERVICE, by=_ROUTE, window=RANGE)
    p95 = kit.quantile(0.95, SERVER_DURATION, SERVICE, by=_ROUTE, window=RANGE)
    columns = (
        Column("Failed", "none", failed),
        Column("Failed share", "percentunit", ratio, kit.at(_TICKET, _PAGE)),
        Column("p95", "s", p95, kit.at(None, _SLOW_S)),
    )
    service, route = kit.row("Service"), kit.row("Route")
    links = (
        kit.BoardLink("The route", "obskit-service", (("service", service), ("route", route))),
        kit.logs_link(service, pipeline=f' | json | route="{route}"', title="Logs of the route"),
        kit.traces_link(service, f'span.http.route="{route}"', "status=error", title="Traces of its errors"),
    )
    keys = {"service_name": "Service", "http_request_method": "Method", "http_route": "Route"}
    return kit.rows(about, keys, columns, Onward(links, (*_BOOKS, *_SLOW_BOOKS)), width=16)


def _breach() -> Panel:
    about = About(
        "Windows in breach",
        "Pairs of windows whose burn-rate alert fires now.",
        "None.",
        "A short pair pages: act now. A long pair is a ticket: the budget leaks slowly.",
        none="no window is in breach",
        empty="no budget burns; filled by the fault inventory-errors",
    )
    by = ("alertname", "service_name", "slo", "long_window", "severity")
    columns = (Column("Firing", "none", kit.firing('slo=~"$slo"', by=by)),)
    service = kit.row("Service")
    links = (
        kit.PageLink("Runbook", f"{kit.RUNBOOKS}/{kit.row('Alert')}"),
        kit.BoardLink("Board of this service", "obskit-service", (("service", service),)),
    )
    keys = {
        "alertname": "Alert",
        "service_name": "Service",
        "slo": "SLO",
        "long_window": "Window",
        "severity": "Severity",
    }
    return kit.rows(about, keys, columns, Onward(links), width=12)


def _course() -> Panel:
    about = About(
        "Breaches over time",
        "Burn-rate alerts that fired, by their long window.",
        "No line.",
        "1h alone: short and steep. 3d alone: slow and steady.",
        none="no window was in breach",
        empty="no budget burns; filled by the fault inventory-errors",
    )
    of = (Line(kit.firing('slo=~"$slo"', by=("long_window",)), "{{long_window}}"),)
    return kit.stack(about, of, Scale("none"), Onward(_FAILED_LINKS), width=12)


def _durations() -> Panel:
    about = About(
        "Duration p95 by service",
        "How long each service takes. Each dot is one request: it opens its trace.",
        f"Below {_SLOW_S:g} s.",
        "See which service rises first.",
    )
    expr = kit.quantile(0.95, SERVER_DURATION, SERVICE, by=("service_name",))
    scale = Scale("s", kit.at(None, _SLOW_S))
    return kit.latency(
        about, (Line(expr, "{{service_name}}"),), scale, Onward(_SLOW_LINKS, _SLOW_BOOKS), width=24
    )
