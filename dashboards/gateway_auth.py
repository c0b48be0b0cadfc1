"""Gateway, authentication, and what protects calls: the way in, and who is turned away."""

from obskit import boards as kit
from obskit.boards import RANGE, SERVICE, About, Board, Column, Line, Onward, Panel, Row, Scale, Threshold
from obskit.catalog import (
    AUTH_ATTEMPTS,
    AUTH_BRUTE_FORCE,
    AUTH_DURATION,
    AUTH_LOCKOUTS,
    SERVER_DURATION,
)

_WHERE = (SERVICE, 'auth_method=~"$auth_method"')
_TURNED = 'http_response_status_code=~"401|403|408|413|429|431|499"'
_FAILURES = Scale("percentunit", kit.watched("BalancerErrorRatioHigh"))
_DURATION = Scale("s", kit.at(None, kit.slow_after_s()))
_ANY = (Threshold(1),)
_BOOKS = ("BalancerErrorRatioHigh",)
_SLOW_BOOKS = ("LatencyBudgetBurn",)
_PROXY = kit.TraefikMetrics

_ALL = (kit.logs_link(), kit.traces_link(kit.CHOSEN, "kind=server"))
_EDGE = (kit.logs_link("gateway", title="Logs of the gateway"), kit.traces_link("gateway", "kind=server"))
_AUTH = (
    kit.logs_link(pipeline=' | json | event="auth.rejected"', title="Rejected tokens and passwords"),
    kit.traces_link(
        kit.CHOSEN, 'span.obskit.auth.reason=~".+"', 'span.obskit.auth.reason!="ok"', title="Rejected"
    ),
)
_GUESSING = (
    kit.logs_link(pipeline=' | json | event="auth.brute_force_suspected"', title="Suspected guessing"),
    kit.traces_link(kit.CHOSEN, 'span.obskit.auth.method=~".+"', title="Traces of checks"),
)
_NEXT = (kit.next_board("resilience", "Resilience"),)


def board() -> Board:
    """Return the board."""
    return Board(
        name="gateway-auth",
        title="Gateway and authentication",
        question="Do callers get in, who is turned away, and why?",
        how_to_read=(
            "From the outside in: the load balancer, what the gateway turns away, tokens and passwords. "
            "No user and no address is a label; the log has them."
        ),
        when_paged=(
            "**Servers behind the balancer** red: a replica is gone. **Turned away** at 429: one client floods. "
            "**Rejected** by one reason: a key was rotated (bad_signature), clocks differ (expired), or somebody guesses."
        ),
        variables=(
            kit.services(SERVER_DURATION),
            kit.pick("auth_method", "Checked", AUTH_ATTEMPTS, "auth_method", SERVICE),
        ),
        rows=(
            Row("", (_rate(), _ratio(), _turned_now(), _rejected_now(), _lockouts(), _guessing())),
            Row(
                "Load balancer", (_entries(), _entry_durations(), _servers(), _connections(), _certificate())
            ),
            Row("Turned away", (_turned(), _limited(), _by_route())),
            Row("Tokens and passwords", (_attempts(), _reasons(), _durations(), _methods())),
            Row("Logs and traces", (_rejected_traces(), _lines())),
        ),
    )


def _rate() -> Panel:
    about = About(
        "Requests at the door",
        "Requests a second that the load balancer takes.",
        "Near the same hour of other days.",
        "A sudden drop: callers cannot reach it. A jump: see Turned away.",
        none="no load balancer",
    )
    expr = kit.per_second(_PROXY.ENTRY_DURATION)
    return kit.number(about, expr, Scale("reqps"), Onward(_EDGE, boards=_NEXT))


def _ratio() -> Panel:
    about = About(
        "Failed at the door",
        "Share of requests that the load balancer answered with 500 and more, its own included.",
        "0 %.",
        "Higher than the gateway's own error ratio: no replica was there to take the request.",
        none="no load balancer",
    )
    expr = kit.error_ratio(_PROXY.ENTRY_DURATION, 'code=~"5.."')
    return kit.number(about, expr, _FAILURES, Onward(_EDGE, _BOOKS))


def _turned_now() -> Panel:
    about = About(
        "Turned away",
        "Share of requests answered with 401, 403, 408, 413, 429, 431 or 499.",
        "A few per cent: tokens that have run out.",
        "See Turned away by status.",
    )
    expr = kit.error_ratio(SERVER_DURATION, _TURNED, SERVICE)
    return kit.number(about, expr, Scale("percentunit"), Onward(_ALL))


def _rejected_now() -> Panel:
    about = About(
        "Rejected",
        "Share of checked tokens and passwords that were not accepted.",
        "A few per cent.",
        "See Why they are rejected.",
        none="nothing is checked",
    )
    expr = kit.error_ratio(AUTH_ATTEMPTS, 'outcome="failed"', *_WHERE)
    return kit.number(about, expr, Scale("percentunit"), Onward(_AUTH, runbooks=("TokenFailuresHigh",)))


def _lockouts() -> Panel:
    about = About(
        "Locked out",
        "Accounts or sources that were locked out within the shown range.",
        "0, or people who forgot their password.",
        "Many at once: somebody guesses, see Suspected guessing.",
        none="nothing is checked",
    )
    return kit.over_range(
        about,
        kit.increase(AUTH_LOCKOUTS, *_WHERE),
        Scale("none"),
        Onward(_GUESSING, runbooks=("AccountLockouts",)),
    )


def _guessing() -> Panel:
    about = About(
        "Suspected guessing",
        "Accounts or sources within the shown range that failed often in a short time.",
        "0.",
        "Read the log lines for when and how; limit the client at the gateway.",
        none="nothing is checked",
    )
    return kit.over_range(
        about,
        kit.increase(AUTH_BRUTE_FORCE, *_WHERE),
        Scale("none", _ANY),
        Onward(_GUESSING, runbooks=("AuthBruteForce",)),
    )


def _entries() -> Panel:
    about = About(
        "Requests at the door by status",
        "Requests a second by entry point and status.",
        "Mostly 2xx.",
        "502 and 503: no healthy replica. 404: a path that is not let through.",
        none="no load balancer",
    )
    of = (Line(kit.per_second(_PROXY.ENTRY_DURATION, by=("entrypoint", "code")), "{{entrypoint}} {{code}}"),)
    return kit.stack(about, of, Scale("reqps"), Onward(_EDGE))


def _entry_durations() -> Panel:
    about = About(
        "What the balancer adds",
        "p95 at the load balancer and at the gateway behind it.",
        "Two lines close together.",
        "A gap: requests wait in front of the gateway, add replicas.",
        none="no load balancer",
    )
    of = (
        Line(kit.quantile(0.95, _PROXY.ENTRY_DURATION), "at the door", colour="orange"),
        Line(kit.quantile(0.95, SERVER_DURATION, 'service_name="gateway"'), "at the gateway", colour="blue"),
    )
    return kit.latency(about, of, _DURATION, Onward(_EDGE, _SLOW_BOOKS))


def _servers() -> Panel:
    about = About(
        "Servers behind the balancer",
        "Whether the load balancer's health check reaches each replica.",
        "All green; red for seconds during a deploy.",
        "Red: read the last lines that the replica logged. The others take its requests.",
        none="no load balancer",
    )
    of = (Line(kit.lowest(_PROXY.SERVER_UP, by=("service", "url")), "{{service}} {{url}}"),)
    return kit.states(about, of, kit.UP_OR_DOWN, Onward(_EDGE), width=8)


def _connections() -> Panel:
    about = About(
        "Open connections",
        "Connections that are open at the load balancer, by entry point.",
        "Level under level load.",
        "Grows while requests do not: clients do not close, or answers get stuck.",
        none="no load balancer",
    )
    of = (Line(kit.total(_PROXY.OPEN, by=("entrypoint",)), "{{entrypoint}}"),)
    return kit.graph(about, of, Scale("none"), Onward(_EDGE), width=12)


def _certificate() -> Panel:
    about = About(
        "Certificates end in",
        "Time until each certificate of the load balancer runs out.",
        "Weeks.",
        "Below two weeks: renew it. At 0 no client connects any more.",
        none="no load balancer",
    )
    of = (Line(kit.until(_PROXY.CERTIFICATE_END, by=("cn", "sans")), "{{cn}}"),)
    return kit.graph(
        about,
        of,
        Scale("s", kit.watched("CertificateExpiry")),
        Onward(_EDGE, runbooks=("CertificateExpiry",)),
        width=12,
    )


def _turned() -> Panel:
    about = About(
        "Turned away by status",
        "Requests a second that were turned away, by status.",
        "Few.",
        "401: tokens. 403: rights. 429: too many from one client. 499: callers do not wait for the answer.",
        none="nobody is turned away",
        empty="callers behave; filled by the faults client-flood and expired-token-storm",
    )
    by = ("http_response_status_code",)
    expr = kit.happening(kit.per_second(SERVER_DURATION, SERVICE, _TURNED, by=by))
    return kit.stack(about, (Line(expr, "{{http_response_status_code}}"),), Scale("reqps"), Onward(_ALL))


def _limited() -> Panel:
    about = About(
        "Rate limited",
        "Share of requests that got 429, by service.",
        "0 %.",
        "One client asks too much: its address is in the access lines. Or the limit is too low for a new client.",
    )
    limited = 'http_response_status_code="429"'
    expr = kit.error_ratio(SERVER_DURATION, limited, SERVICE, by=("service_name",))
    onward = Onward(
        (
            kit.logs_link(
                kit.series("service_name"), pipeline=" | json | status=429", title="Who was limited"
            ),
            kit.traces_link(kit.series("service_name"), "span.http.response.status_code=429"),
        ),
        ("RateLimitFlood",),
    )
    return kit.graph(
        about, (Line(expr, "{{service_name}}"),), Scale("percentunit", kit.watched("RateLimitFlood")), onward
    )


def _by_route() -> Panel:
    about = About(
        "Turned away by route",
        "Requests within the shown range that were turned away, by route and status.",
        "Few.",
        "unmatched: somebody looks for paths that do not exist.",
        none="nobody was turned away",
        empty="callers behave; filled by the faults client-flood and expired-token-storm",
    )
    by = ("service_name", "http_route", "http_response_status_code")
    columns = (
        Column("Requests", "none", kit.happening(kit.increase(SERVER_DURATION, SERVICE, _TURNED, by=by))),
    )
    service = kit.row("Service")
    links = (
        kit.logs_link(service, pipeline=f' | json | status="{kit.row("Status")}"', title="Access lines"),
        kit.traces_link(service, f"span.http.response.status_code={kit.row('Status')}"),
        kit.BoardLink("The route", "obskit-service", (("service", service), ("route", kit.row("Route")))),
    )
    keys = {"service_name": "Service", "http_route": "Route", "http_response_status_code": "Status"}
    return kit.rows(about, keys, columns, Onward(links, runbooks=("UnmatchedRequestsHigh",)), width=8)


def _attempts() -> Panel:
    about = About(
        "Checks by outcome",
        "Checks of tokens and passwords a second.",
        "ok, in step with requests.",
        "failed grows: see the reason beside this.",
        none="nothing is checked",
    )
    of = (Line(kit.per_second(AUTH_ATTEMPTS, *_WHERE, by=("outcome",)), "{{outcome}}"),)
    return kit.stack(about, of, Scale("ops"), Onward(_AUTH))


def _reasons() -> Panel:
    about = About(
        "Why they are rejected",
        "Checks a second that were not accepted, by reason.",
        "A few expired tokens.",
        "bad_signature after a key rotation: a service has old keys. reused_refresh_token: a token was stolen.",
        none="none is rejected",
        empty="all are accepted; filled by the faults brute-force-login and expired-token-storm",
    )
    expr = kit.happening(kit.per_second(AUTH_ATTEMPTS, *_WHERE, 'outcome="failed"', by=("reason",)))
    return kit.stack(
        about,
        (Line(expr, "{{reason}}"),),
        Scale("ops"),
        Onward(_AUTH, runbooks=("TokenFailuresHigh", "RefreshTokenReused")),
    )


def _durations() -> Panel:
    about = About(
        "Duration of checks",
        "p95 of checking a token or a password, by what is checked. Each dot opens a trace.",
        "Tokens below a millisecond; passwords some 50 ms, on purpose.",
        "Tokens above a few milliseconds: the keys are fetched for each request.",
        none="nothing is checked",
    )
    of = (Line(kit.quantile(0.95, AUTH_DURATION, *_WHERE, by=("auth_method",)), "{{auth_method}}"),)
    return kit.latency(about, of, Scale("s"), Onward(_AUTH))


def _methods() -> Panel:
    about = About(
        "What is checked",
        "Each service and method over the shown range: how often, how many rejected, how fast, lockouts.",
        "Few rejected.",
        "Click a row for the rejected ones.",
        none="nothing is checked",
    )
    by = ("service_name", "auth_method")
    failed = kit.error_ratio(AUTH_ATTEMPTS, 'outcome="failed"', *_WHERE, by=by, window=RANGE)
    columns = (
        Column("Checks/s", "ops", kit.per_second(AUTH_ATTEMPTS, *_WHERE, by=by, window=RANGE)),
        Column("Rejected", "percentunit", failed),
        Column("p95", "s", kit.quantile(0.95, AUTH_DURATION, *_WHERE, by=by, window=RANGE)),
        Column("Locked out", "none", kit.increase(AUTH_LOCKOUTS, *_WHERE, by=by)),
    )
    service = kit.row("Service")
    links = (
        kit.logs_link(service, pipeline=' | json | event="auth.rejected"', title="Rejected"),
        kit.traces_link(service, f'span.obskit.auth.method="{kit.row("Method")}"'),
        kit.BoardLink("Board of this service", "obskit-service", (("service", service),)),
    )
    return kit.rows(about, {"service_name": "Service", "auth_method": "Method"}, columns, Onward(links))


def _rejected_traces() -> Panel:
    about = About(
        "Traces of rejected checks",
        "Requests in which a token or a password was not accepted, newest first.",
        "Few.",
        "Open one: obskit.auth.reason says why.",
        none="none in the shown range",
        empty="all are accepted; filled by the faults brute-force-login and expired-token-storm",
    )
    rejected = 'span.obskit.auth.reason=~".+" && span.obskit.auth.reason!="ok"'
    return kit.traces(about, f'{{resource.service.name=~"$service" && {rejected}}}', width=12)


def _lines() -> Panel:
    about = About(
        "Rejected, locked out, suspected",
        "The log line of each, with method and reason; never the token or the password.",
        "Few.",
        "Lines of one second from many accounts are somebody who guesses.",
        none="none in the shown range",
        empty="all are accepted; filled by the faults brute-force-login and expired-token-storm",
    )
    return kit.log_events(about, "auth.", width=12)
