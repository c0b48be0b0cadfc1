"""What one real request through an application says about its telemetry."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from obskit.catalog import SERVER_DURATION
from obskit.cli._child import run_child
from obskit.cli._doctor._model import Finding, fail, ok, warn

__all__ = ["examine_application"]

_SERVER_ERRORS = 500
_SHOWN = 100
_ACCESS = "http.request"
Facts = Mapping[str, Any]


def examine_application(target: str, request: str, *, without: Sequence[str] = ()) -> list[Finding]:
    """Send *request* through ``module:app`` in a process of its own and judge what came out.

    Args:
        target: the application, or a function that makes it.
        request: method and path; when empty, a GET route without parameters.
        without: variables that the application does not get, because they cannot be used.
    """
    child = run_child("obskit.cli._doctor._probe", [target, request], without=without)
    if child.answer is None:
        fix = f"python -c 'import {target.partition(':')[0]}' shows the traceback"
        return [fail("application", f"{target} cannot be loaded: {child.last_words}", fix)]
    return list(_judged(target, child.answer, child.stdout))


def _judged(target: str, facts: Facts, stdout: str) -> Iterator[Finding]:
    if "error" in facts:
        yield fail("application", facts["error"], "correct what the message names")
        return
    if "startup" in facts:
        fix = "start what it needs, or set the variables that it reads"
        yield fail("application", f"{target} does not start: {facts['startup']}", fix)
        return
    if not facts["is_callable"]:
        fix = "name what uvicorn or gunicorn is given"
        yield fail("application", f"{target} is neither an ASGI nor a WSGI application", fix)
        return
    yield ok("application", f"{target} loads")
    if not facts["is_instrumented"]:
        fix = "app = obskit.instrument(app); of another framework obskit.ASGIMiddleware(app) or WSGIMiddleware(app)"
        yield fail("instrumented", f"{target} is not observed", fix)
        return
    yield ok("instrumented", f"as service {facts['service']!r}")
    yield from (Finding(**each) for each in facts["set_by_arguments"])
    yield _service_name(facts)
    yield _request(facts)
    yield from _server_span(facts)
    lines = stdout.splitlines()
    yield _access_line(facts, lines)
    yield _stdout(facts, lines)
    yield _outer(facts)
    yield _other_metrics(facts)
    yield _leaks(facts)


def _service_name(facts: Facts) -> Finding:
    if facts["service"] == "unknown_service":
        fix = 'obskit.init(service="orders"), or OTEL_SERVICE_NAME=orders'
        return warn("service name", "it has none; boards and alerts cannot tell it from others", fix)
    return ok("service name", facts["service"])


def _request(facts: Facts) -> Finding:
    said = f"{facts['request']} answered {facts['status']}"
    if facts["status"] >= _SERVER_ERRORS:
        kinds = ", ".join(kind for kind in facts["error_type"] if kind)
        fix = 'mend the route, or name another request: --request "GET /path"'
        return fail("request", f"{said}{f' ({kinds})' if kinds else ''}", fix)
    if not facts["request_id"]:
        return fail("request", f"{said} without X-Request-ID", "no middleware may take that header out")
    return ok("request", said)


def _server_span(facts: Facts) -> Iterator[Finding]:
    spans = facts["server_spans"]
    if not spans:
        fix = "OTEL_TRACES_SAMPLER=parentbased_always_on, or a ratio above 0"
        yield fail("server span", "the request made none: the sampler drops what the caller sampled", fix)
        return
    if len(spans) > 1:
        others = sorted({each["scope"] for each in spans if each["scope"] != "obskit"}) or ["obskit"]
        fix = f"take the instrumentation of {', '.join(others)} out; obskit's span has all it has"
        yield fail("server span", f"{len(spans)} SERVER spans for one request, by {_makers(spans)}", fix)
    elif spans[0]["trace_id"] != facts["trace_id"]:
        fix = "OTEL_PROPAGATORS must have tracecontext"
        yield fail("server span", "it does not continue the caller's trace", fix)
    else:
        yield ok("server span", f"one: {spans[0]['name']}")
    yield _exemplar(facts)


def _makers(spans: Sequence[Facts]) -> str:
    return ", ".join(sorted({each["scope"] for each in spans}))


def _exemplar(facts: Facts) -> Finding:
    if not facts["metrics_type"].startswith("application/openmetrics-text"):
        fix = "let /metrics through to obskit; a middleware around the application answers it"
        return fail("exemplar", f"/metrics answers {facts['metrics_type'] or 'nothing'} to OpenMetrics", fix)
    ids = {
        sample.exemplar.labels.get("trace_id")
        for family in text_string_to_metric_families(facts["metrics"])  # type: ignore[no-untyped-call]
        if family.name == SERVER_DURATION.name
        for sample in family.samples
        if sample.exemplar
    }
    if not ids.isdisjoint(span["trace_id"] for span in facts["server_spans"]):
        return ok("exemplar", f"{SERVER_DURATION.name} leads to the trace")
    fix = "obskit.instrument(app) must be around what answers, with a sampled span"
    return fail("exemplar", f"{SERVER_DURATION.name} has none for this request", fix)


def _access_line(facts: Facts, stdout: Sequence[str]) -> Finding:
    lines = [line for line in [*stdout, *facts["file"].splitlines()] if _ACCESS in line]
    if not lines:
        return _no_access_line(facts)
    parsed = [entry for entry in map(_parsed, lines) if entry is not None and entry.get("event") == _ACCESS]
    if not parsed and facts["log_format"] != "console":
        fix = "nothing else may write to stdout without ending its line"
        return fail("access line", f"it is not JSON: {lines[0][:_SHOWN]}", fix)
    ids = {span["trace_id"] for span in facts["server_spans"]}
    if parsed and ids and ids.isdisjoint(entry.get("trace_id") for entry in parsed):
        return fail("access line", "its trace_id is not the request's", "log in the context of the request")
    return ok(
        "access line", "JSON with the trace id" if parsed else "for people, as OBSKIT_LOG_FORMAT=console asks"
    )


def _no_access_line(facts: Facts) -> Finding:
    if facts["log_format"] == "none" and facts["log_dir"] is None:
        fix = "OBSKIT_LOG_FORMAT=json, or a folder in OBSKIT_LOG_DIR"
        return fail("access line", "log lines go nowhere: log_format is none and there is no log_dir", fix)
    fix = "OBSKIT_LOG_LEVEL=info; nothing may replace sys.stdout or the handlers of the root logger"
    return fail("access line", "the request left no line http.request", fix)


def _stdout(facts: Facts, lines: Sequence[str]) -> Finding:
    others = [line for line in lines if line.strip() and _ACCESS not in line and _parsed(line) is None]
    if not others or facts["log_format"] == "console":
        return ok("stdout", f"{len(lines)} lines, each of them a log line")
    fix = "log it instead of printing it: obskit.get_logger().info(...)"
    return warn("stdout", f"{len(others)} of {len(lines)} lines are not JSON: {others[0][:_SHOWN]}", fix)


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _outer(facts: Facts) -> Finding:
    if not facts["outer"]:
        return ok("outer middleware", "no BaseHTTPMiddleware is around the application")
    fix = "app.add_middleware(...) instead of wrapping, or write it as pure ASGI"
    names = ", ".join(facts["outer"])
    return warn("outer middleware", f"{names} is a BaseHTTPMiddleware around it: it hides who hung up", fix)


def _other_metrics(facts: Facts) -> Finding:
    if not facts["other_metrics"]:
        return ok("other metrics", "nothing else measures the requests")
    fix = "take it out; its counts are http_server_request_duration_seconds here"
    return warn("other metrics", f"{', '.join(facts['other_metrics'])} measures each request again", fix)


def _leaks(facts: Facts) -> Finding:
    if not facts["leaks"]:
        return ok("secrets", "no secret of the environment is on a line or a span")
    fix = "do not log it; a field whose name says that it is secret is redacted"
    return fail("secrets", f"the value of {', '.join(facts['leaks'])} is on a log line or a span", fix)
