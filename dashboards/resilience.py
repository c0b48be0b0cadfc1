"""Resilience: what protects a service from those that it calls, and what that costs."""

from obskit import boards as kit
from obskit.boards import RANGE, SERVICE, About, Board, Column, Line, Onward, Panel, Row, Scale
from obskit.catalog import (
    BREAKER_STATE,
    BREAKER_TRANSITIONS,
    CACHE_LOOKUPS,
    CLIENT_BODY_FAILURES,
    CLIENT_DURATION,
    CLIENT_RETRIES,
    DEPENDENCY_CALLS,
    DEPENDENCY_DURATION,
    FALLBACKS,
    RETRIED_CALLS,
    RETRIES,
    RETRY_BUDGET_REFUSED,
    RETRY_BUDGET_REMAINING,
)

_WHERE = (SERVICE, 'dependency=~"$dependency"')
_BY = ("service_name", "dependency")
_NAME = "{{service_name}} to {{dependency}}"
_BAD = 'outcome=~"error|timeout|rejected"'
_FAILURES = Scale("percentunit", kit.watched("DependencyErrorRatioHigh"))
_BOOKS = ("DependencyErrorRatioHigh",)


def _of(service: str, dependency: str) -> tuple[kit.Link, ...]:
    called = f'span.peer.service="{dependency}"'
    return (
        kit.logs_link(service, pipeline=f' | json | dependency="{dependency}"', title="Logs about it"),
        kit.traces_link(service, called, title="Traces of these calls"),
    )


_LINE = _of(kit.series("service_name"), kit.series("dependency"))
_ROW = (
    *_of(kit.row("Service"), kit.row("Dependency")),
    kit.BoardLink("Board of the dependency", "obskit-service", (("service", kit.row("Dependency")),)),
)
_ALL = (kit.logs_link(), kit.traces_link(kit.CHOSEN, 'span.peer.service=~".+"', title="Traces of calls"))
_RETRIED = (
    kit.logs_link(pipeline=' | json | event="retry.scheduled"', title="Retries"),
    kit.traces_link(kit.CHOSEN, "span.obskit.retries>0", title="Traces with retries"),
)
_CACHED = (
    kit.logs_link(pipeline=' | json | event="cache.failed"', title="Caches that failed"),
    kit.traces_link(kit.CHOSEN, "kind=server", title="Traces of requests"),
)
_NEXT = (kit.next_board("service", "Service RED"),)
_CACHE_BOARD = (kit.next_board("cache", "Caches"),)


def board() -> Board:
    """Return the board."""
    return Board(
        name="resilience",
        title="Resilience",
        question="Do retries, breakers and fallbacks shield callers, or do they make it worse?",
        how_to_read=(
            "A call with its retries is one call. Retries that grow while calls fail are a storm: "
            "they load what is already down. A breaker that is open is doing its work."
        ),
        when_paged=(
            "**Dependencies** says which one fails. An open breaker: nothing is sent there, callers get fallbacks. "
            "No breaker and many retries: shed load before you restart anything."
        ),
        variables=(
            kit.services(CLIENT_DURATION),
            kit.pick("dependency", "Dependency", DEPENDENCY_CALLS, "dependency", SERVICE),
        ),
        rows=(
            Row("", (_rate(), _ratio(), _amplified(), _open(), _fallbacks_now(), _hits_now())),
            Row("Dependencies", (_ratios(), _durations(), _outcomes(), _table())),
            Row("Retries and breakers", (_retries(), _budget(), _saved(), _breakers(), _transitions())),
            Row("Fallbacks and broken answers", (_fallbacks(), _refused(), _broken())),
            Row("Logs", (_lines(),)),
        ),
    )


def _rate() -> Panel:
    about = About(
        "Calls",
        "Calls to dependencies a second; a call with retries is one.",
        "In step with requests.",
        "A sudden drop: a breaker is open, or requests do not come.",
        none="calls nobody",
    )
    expr = kit.per_second(DEPENDENCY_CALLS, *_WHERE)
    return kit.number(about, expr, Scale("ops"), Onward(_ALL, boards=_NEXT))


def _ratio() -> Panel:
    about = About(
        "Failed calls",
        "Share of calls that failed, timed out or were refused by a breaker, after all retries.",
        "0 %.",
        "See Dependencies; a fallback may still have answered the caller.",
        none="calls nobody",
    )
    expr = kit.error_ratio(DEPENDENCY_CALLS, _BAD, *_WHERE)
    return kit.number(about, expr, _FAILURES, Onward(_ALL, _BOOKS))


def _amplified() -> Panel:
    about = About(
        "Retries for each call",
        "Attempts that were repeated, for each call.",
        "Below 0.1.",
        "Near the number of attempts allowed: everything fails and everything is repeated, a retry storm.",
        none="calls nobody",
    )
    calls = kit.per_second(DEPENDENCY_CALLS, *_WHERE)
    expr = kit.ratio(kit.or_zero(kit.per_second(RETRIES, *_WHERE), calls), calls)
    return kit.number(
        about, expr, Scale("suffix:x", kit.watched("RetryStorm")), Onward(_RETRIED, runbooks=("RetryStorm",))
    )


def _open() -> Panel:
    about = About(
        "Open breakers",
        "Circuit breakers that refuse calls now.",
        "0.",
        "The dependency behind it failed several times in a row: see its board.",
        none="no breakers",
    )
    expr = kit.total(BREAKER_STATE, *_WHERE, 'state="open"')
    return kit.number(
        about, expr, Scale("none"), Onward(_ALL, runbooks=("CircuitBreakerOpen",), boards=_NEXT)
    )


def _fallbacks_now() -> Panel:
    about = About(
        "Fallback answers",
        "Answers a second that came from a fallback instead of the dependency.",
        "0.",
        "Callers get something, but not the truth of now: mend the dependency.",
        none="calls nobody",
    )
    expr = kit.or_zero(kit.per_second(FALLBACKS, *_WHERE), kit.per_second(DEPENDENCY_CALLS, *_WHERE))
    return kit.number(about, expr, Scale("ops"), Onward(_ALL, runbooks=("FallbacksInUse",)))


def _hits_now() -> Panel:
    about = About(
        "Cache hits",
        "Share of lookups that the caches answer.",
        "Level; how high depends on the data.",
        "Falls after a deploy: the cache is cold, the database carries the rest.",
        none="no cache",
    )
    expr = kit.error_ratio(CACHE_LOOKUPS, 'outcome="hit"', SERVICE)
    return kit.number(about, expr, Scale("percentunit"), Onward(_CACHED, boards=_CACHE_BOARD))


def _ratios() -> Panel:
    about = About(
        "Failed calls by dependency",
        "Share of calls that failed, timed out or were refused.",
        "0 %.",
        "One caller of several sees it: its network or its timeout. All see it: the dependency.",
        none="calls nobody",
    )
    of = (Line(kit.error_ratio(DEPENDENCY_CALLS, _BAD, *_WHERE, by=_BY), _NAME),)
    return kit.graph(about, of, _FAILURES, Onward(_LINE, _BOOKS))


def _durations() -> Panel:
    about = About(
        "Duration p95 by dependency",
        "How long calls take, retries included. Each dot is one call: it opens its trace.",
        "Level.",
        "A level line at the timeout: the dependency does not answer. Above it: retries add up.",
        none="calls nobody",
    )
    of = (Line(kit.quantile(0.95, DEPENDENCY_DURATION, *_WHERE, by=_BY), _NAME),)
    return kit.latency(about, of, Scale("s"), Onward(_LINE))


def _outcomes() -> Panel:
    about = About(
        "Calls by outcome",
        "Calls a second by how they ended.",
        "ok.",
        "timeout: too slow. error: it answers with failures. rejected: the breaker is open. cancelled: the caller left.",
        none="calls nobody",
    )
    of = (Line(kit.per_second(DEPENDENCY_CALLS, *_WHERE, by=("outcome",)), "{{outcome}}"),)
    return kit.stack(about, of, Scale("ops"), Onward(_ALL))


def _table() -> Panel:
    about = About(
        "Dependencies",
        "Each caller, dependency and operation over the shown range.",
        "No red cell.",
        "Click a row for its traces, or for the board of the dependency.",
        none="calls nobody",
    )
    by = ("service_name", "dependency", "operation")
    failed = kit.error_ratio(DEPENDENCY_CALLS, _BAD, *_WHERE, by=by, window=RANGE)
    calls = kit.per_second(DEPENDENCY_CALLS, *_WHERE, by=by, window=RANGE)
    retried = kit.or_zero(kit.per_second(RETRIED_CALLS, *_WHERE, by=by, window=RANGE), calls)
    columns = (
        Column("Calls/s", "ops", calls),
        Column("Failed", "percentunit", failed, _FAILURES.thresholds),
        Column("p95", "s", kit.quantile(0.95, DEPENDENCY_DURATION, *_WHERE, by=by, window=RANGE)),
        Column("Retried", "percentunit", kit.ratio(retried, calls)),
    )
    keys = {"service_name": "Service", "dependency": "Dependency", "operation": "Operation"}
    return kit.rows(about, keys, columns, Onward(_ROW, _BOOKS))


def _retries() -> Panel:
    about = About(
        "Retries",
        "Attempts a second that failed and were made again, by dependency and why, HTTP clients included.",
        "Few.",
        "Grows with the failures: a storm; see the retry budget beside it.",
        none="nothing is retried",
        empty="nothing fails, so nothing is retried; filled by the fault retry-storm",
    )
    expr = kit.happening(kit.per_second(RETRIES, *_WHERE, by=("dependency", "error_type")))
    client = kit.happening(kit.per_second(CLIENT_RETRIES, SERVICE, by=("server_address",)))
    of = (Line(expr, "{{dependency}} {{error_type}}"), Line(client, "HTTP to {{server_address}}"))
    return kit.stack(about, of, Scale("ops"), Onward(_RETRIED, runbooks=("RetryStorm",)))


def _budget() -> Panel:
    about = About(
        "Retry budget left",
        "Share of each retry budget that is left; at 0 failed calls are not retried.",
        "Near 100 %.",
        "Empty: the dependency fails for good, and the budget keeps retries from making it worse.",
        none="no retry budget",
    )
    of = (Line(kit.lowest(RETRY_BUDGET_REMAINING, *_WHERE, by=("dependency",)), "{{dependency}}"),)
    return kit.graph(about, of, Scale("percentunit"), Onward(_RETRIED, runbooks=("RetryBudgetEmpty",)))


def _saved() -> Panel:
    about = About(
        "Calls that retries saved",
        "Share of retried calls that went well in the end.",
        "Most: failures are short.",
        "Near 0 %: retries only add load, make them fewer.",
        none="nothing is retried",
        empty="nothing fails, so nothing is retried; filled by the fault retry-storm",
    )
    expr = kit.error_ratio(RETRIED_CALLS, 'outcome="ok"', *_WHERE, by=_BY)
    return kit.graph(about, (Line(expr, _NAME),), Scale("percentunit"), Onward(_LINE))


def _breakers() -> Panel:
    about = About(
        "Breakers",
        "State of each circuit breaker over time.",
        "Closed, green throughout.",
        "Open: calls are refused at once. Half open: one call tries whether the dependency is back.",
        none="no breakers",
    )
    is_open = kit.highest(BREAKER_STATE, *_WHERE, 'state="open"', by=_BY)
    half = kit.highest(BREAKER_STATE, *_WHERE, 'state="half_open"', by=_BY)
    names = {0: ("closed", "green"), 1: ("half open", "yellow"), 2: ("open", "red")}
    of = (Line(f"clamp_max({half} + 2 * {is_open}, 2)", _NAME),)
    return kit.states(
        about, of, names, Onward(_LINE, runbooks=("CircuitBreakerOpen", "CircuitBreakerFlapping")), width=16
    )


def _transitions() -> Panel:
    about = About(
        "Breaker changes",
        "Changes of state a second, by the new state.",
        "0.",
        "Again and again: the dependency answers now and then; give the breaker a longer time.",
        none="no breakers",
    )
    of = (Line(kit.per_second(BREAKER_TRANSITIONS, *_WHERE, by=("state",)), "{{state}}"),)
    return kit.graph(about, of, Scale("ops"), Onward(_ALL, runbooks=("CircuitBreakerFlapping",)))


def _fallbacks() -> Panel:
    about = About(
        "Fallbacks by kind",
        "Answers a second from a fallback, by dependency and kind.",
        "None.",
        "cached: old data. default: no data. replica: another copy. Each is logged with the error behind it.",
        none="no fallback was needed",
        empty="nothing fails; filled by the fault payments-errors",
    )
    expr = kit.happening(kit.per_second(FALLBACKS, *_WHERE, by=("dependency", "kind")))
    return kit.stack(
        about,
        (Line(expr, "{{dependency}} {{kind}}"),),
        Scale("ops"),
        Onward(_ALL, runbooks=("FallbacksInUse",)),
    )


def _refused() -> Panel:
    about = About(
        "Retries refused",
        "Retries a second that were not made because the retry budget was used up.",
        "0.",
        "The budget does its work; the dependency is the problem.",
        none="no retry budget",
    )
    of = (Line(kit.per_second(RETRY_BUDGET_REFUSED, *_WHERE, by=("dependency",)), "{{dependency}}"),)
    return kit.graph(about, of, Scale("ops"), Onward(_RETRIED, runbooks=("RetryBudgetEmpty",)))


def _broken() -> Panel:
    about = About(
        "Answers that broke off",
        "HTTP answers a second whose body ended before it was complete.",
        "None.",
        "The other side restarted or crashed while it answered.",
        none="none broke off",
        empty="no server dies while it answers; filled by the fault dead-gateway-replica",
    )
    expr = kit.happening(kit.per_second(CLIENT_BODY_FAILURES, SERVICE, by=("server_address", "error_type")))
    return kit.graph(about, (Line(expr, "{{server_address}} {{error_type}}"),), Scale("reqps"), Onward(_ALL))


def _lines() -> Panel:
    about = About(
        "Breakers, fallbacks and retries",
        "What the events say: which dependency, why, and how long until the next attempt.",
        "None.",
        "Open a line; its trace_id leads to the request.",
        none="none in the shown range",
        empty="nothing fails; filled by the faults retry-storm and payments-errors",
    )
    return kit.log_events(about, "breaker.", "fallback.", "retry.")
