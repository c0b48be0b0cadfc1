"""Whether the log lines and the traces of a service arrive where they are kept."""

import time
from collections.abc import Iterator

from obskit import stack
from obskit.cli._client import Api
from obskit.cli._doctor._asking import asked, number
from obskit.cli._doctor._model import Finding, fail, ok
from obskit.errors import StackError

__all__ = ["examine_signals", "observed_services"]

LOGS = "{} -> logs"
TRACES = "{} -> traces"

_TIMEOUT_S = 5.0
_RECENT_S, _EVER_S = 600, 7 * 24 * 3600
_MARGIN_S = 60
_OF_THE_STACK = frozenset({"console", "pager", "embedded", "shipper", "loadgen"})


def observed_services(home: stack.Home, known: tuple[stack.KnownService, ...]) -> tuple[str, ...]:
    """Return the services that lines and traces are expected of, by name."""
    try:
        rows = asked(home, "count by (service_name) (obskit_build_info)")
    except StackError:
        rows = []
    named = {row["metric"].get("service_name", "") for row in rows} - _OF_THE_STACK - {""}
    return tuple(sorted(named | {service.name for service in known}))


def examine_signals(home: stack.Home, service: str) -> Iterator[Finding]:
    """Tell whether log lines and traces of *service* are in their stores.

    While it has requests, lines and traces of the last minutes are asked for, else any that were kept.
    """
    try:
        recent = number(asked(home, f"sum(increase({_count(service)}[5m]))"))
        ever = number(asked(home, f"sum({_count(service)})"))
    except StackError:
        recent = ever = 0.0
    since_s = _RECENT_S if recent >= 1 else _EVER_S
    yield _logs(home, service, since_s)
    yield _traces(home, service, since_s, has_requests=ever > 0)


def _count(service: str) -> str:
    return f'http_server_request_duration_seconds_count{{service_name="{service}"}}'


def _logs(home: stack.Home, service: str, since_s: int) -> Finding:
    query = f'sum(count_over_time({{service_name="{service}"}}[{since_s}s]))'
    try:
        answer = _loki(home).call("GET", "/loki/api/v1/query", parameters={"query": query})
    except StackError as error:
        return fail(LOGS.format(service), str(error), "obskit status, and the log of embedded")
    count = number(answer["data"]["result"])
    if count:
        return ok(LOGS.format(service), f"{count:.0f} lines of the last {_span(since_s)}")
    what = f"the store has no line of it of the last {_span(since_s)}"
    if any(home.service_logs.glob(f"{service}.*.jsonl")):
        return fail(
            LOGS.format(service),
            f"{what}, though it writes to {home.service_logs}",
            "see the log of embedded",
        )
    fix = (
        f'start it with OBSKIT_LOG_DIR={home.service_logs}, or name its file with logs = "..." in obskit.toml'
    )
    return fail(LOGS.format(service), what, fix)


def _traces(home: stack.Home, service: str, since_s: int, *, has_requests: bool) -> Finding:
    now = int(time.time())
    parameters = {
        "q": f'{{ resource.service.name = "{service}" }}',
        "limit": "1",
        "start": str(now - since_s + _MARGIN_S),  # Tempo takes no range over 168h
        "end": str(now + _MARGIN_S),
    }
    try:
        found = Api(home, "tempo", _TIMEOUT_S).call("GET", "/api/search", parameters=parameters)
    except StackError as error:
        return fail(TRACES.format(service), str(error), "obskit status, and the log of embedded")
    if found.get("traces"):
        return ok(TRACES.format(service), f"there are traces of the last {_span(since_s)}")
    if not has_requests:
        return ok(TRACES.format(service), "it had no request yet, so there is no trace to expect")
    otlp = stack.current_address(home, "otlp")
    fix = f"start it with OTEL_EXPORTER_OTLP_ENDPOINT={otlp}, and OTEL_TRACES_SAMPLER not always_off"
    return fail(
        TRACES.format(service),
        f"it had requests, and the store has no trace of it{_lost(home, service)}",
        fix,
    )


def _lost(home: stack.Home, service: str) -> str:
    query = f'sum(obskit_telemetry_dropped_total{{service_name="{service}", signal="traces"}})'
    try:
        count = number(asked(home, query))
    except StackError:
        return ""
    return f"; it could not send {count:.0f} spans" if count else ""


def _span(seconds: int) -> str:
    return "10 minutes" if seconds == _RECENT_S else "7 days"


def _loki(home: stack.Home) -> Api:
    return Api(home, "loki", _TIMEOUT_S)
