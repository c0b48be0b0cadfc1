"""The behaviour matrix on real uvicorn: what each kind of request leaves behind, with one worker and three."""

import json

import pytest

COUNT = "http_server_request_duration_seconds_count"
ERROR = 2  # OTLP's status code

# cell: route, status, outcome, error_type, method
CELLS = {
    "stream": ("/stream", 200, "ok", "", "GET"),
    "plain": ("/plain/{item}", 200, "ok", "", "GET"),
    "sync": ("/sync/{item}", 200, "ok", "", "GET"),
    "head": ("/plain/{item}", 405, "client_error", "", "HEAD"),
    "not found": ("unmatched", 404, "client_error", "", "GET"),
    "not allowed": ("/plain/{item}", 405, "client_error", "", "POST"),
    "invalid": ("/typed/{number}", 422, "client_error", "", "GET"),
    "broken": ("/broken", 500, "server_error", "KeyError", "GET"),
    "unavailable": ("/unavailable", 503, "server_error", "503", "GET"),
    "events": ("/events", 200, "ok", "", "GET"),
    "cut": ("/cut", 200, "server_error", "ValueError", "GET"),
    "background": ("/background", 200, "ok", "", "GET"),
    "background failed": ("/background-failed", 200, "ok", "", "GET"),
    "unknown method": ("/plain/{item}", 405, "client_error", "", "_OTHER"),
    "mounted": ("/sub/{tenant}/things/{tid}", 200, "ok", "", "GET"),
    "mounted not found": ("/sub/{tenant}/{path}", 404, "client_error", "", "GET"),
    "nested": ("/v1/users/{uid}/posts/{pid}", 200, "ok", "", "GET"),
    "static": ("/static/{path}", 200, "ok", "", "GET"),
    "upload": ("/upload", 200, "ok", "", "POST"),
    "large": ("/large", 200, "ok", "", "GET"),
    "hung up": ("/endless", 200, "aborted", "", "GET"),
    "gone before the answer": ("/slow", 200, "aborted", "", "GET"),
    "gone before a sync answer": ("/slow-sync", 200, "aborted", "", "GET"),
}
# Starlette's BaseHTTPMiddleware inside ends a body that broke off as if it were complete, and
# raises after; outside it keeps from us that the caller has gone.
HIDDEN = {
    "inside": {"cut": ("/cut", 200, "ok", "", "GET")},
    "outside": {
        "gone before the answer": ("/slow", 200, "ok", "", "GET"),
        "gone before a sync answer": ("/slow-sync", 200, "ok", "", "GET"),
    },
}
# cell: route, close code label, outcome, error_type, messages in, messages out
TALKS = {
    "talk": ("/ws/{room}", "1000", "ok", "", 2, 2),
    "talk abrupt": ("/ws/{room}", "1006", "aborted", "", 1, 1),
    "talk broken": ("/ws/{room}", "1011", "server_error", "LookupError", 2, 1),
    "talk refused": ("/ws/{room}", "", "client_error", "", 0, 0),
    "talk mounted": ("/sub/{tenant}/ws/{room}", "application", "ok", "", 0, 0),
}


def access(served, name, event="http.request"):
    (line,) = [line for line in served.lines(served.traces[name]) if line["event"] == event]
    return line


def duration_s(served, name):
    (span,) = served.server_spans(name)
    return (int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"])) / 1e9


def attributes(span):
    return {each["key"]: next(iter(each["value"].values())) for each in span["attributes"]}


@pytest.mark.parametrize("name", CELLS)
def test_line_span_and_series_say_the_same(served, name):
    hidden = {**HIDDEN.get(served.setup.inside, {}), **HIDDEN.get(served.setup.target, {})}
    route, status, outcome, error_type, method = hidden.get(name, CELLS[name])
    line = access(served, name)
    assert (line["route"], line["status"], line["outcome"]) == (route, status, outcome)
    assert line["level"] == ("error" if outcome == "server_error" else "info")
    (span,) = served.server_spans(name)
    assert span["name"] == f"{'HTTP' if method == '_OTHER' else method} {route}"
    found = attributes(span)
    assert (found["http.route"], found["http.response.status_code"]) == (route, str(status))
    assert found.get("error.type", "") == error_type
    assert (span.get("status", {}).get("code") == ERROR) == (outcome == "server_error")
    same = [each for each in CELLS.values() if each == CELLS[name]]
    series = {"http_route": route, "http_response_status_code": str(status), "error_type": error_type}
    assert served.value(COUNT, http_request_method=method, outcome=outcome, **series) == len(same)


@pytest.mark.parametrize("name", TALKS)
def test_websocket_is_one_span_one_line_and_one_observation(served, name):
    route, code, outcome, error_type, came, went = TALKS[name]
    line = access(served, name, "websocket.closed")
    assert (line["route"], line["outcome"]) == (route, outcome)
    assert (line["messages_in"], line["messages_out"]) == (came, went)
    (span,) = served.server_spans(name)
    assert span["name"] == f"WS {route}"
    assert (span.get("status", {}).get("code") == ERROR) == (outcome == "server_error")
    series = {"http_route": route, "close_code": code, "outcome": outcome, "error_type": error_type}
    assert served.value("obskit_websocket_connection_duration_seconds_count", **series) == 1


def test_websocket_messages_are_counted_and_no_connection_is_left(served):
    counted = {"http_route": "/ws/{room}"}
    assert served.value("obskit_websocket_messages_total", direction="in", **counted) == 5
    assert served.value("obskit_websocket_messages_total", direction="out", **counted) == 4
    assert served.value("obskit_websocket_active_connections") == 0


def test_every_exemplar_is_found_among_the_exported_spans(served):
    exported = {(span["traceId"], span["spanId"]) for span in served.sink.spans}
    exemplars = {}
    for sample in served.page:
        if sample.exemplar is not None:
            exemplars.setdefault(sample.name, set()).add(
                (sample.exemplar.labels["trace_id"], sample.exemplar.labels["span_id"])
            )
    assert set().union(*exemplars.values()) <= exported
    assert {
        "http_server_request_duration_seconds_bucket",
        "obskit_http_server_time_to_first_byte_seconds_bucket",
        "obskit_http_server_background_duration_seconds_bucket",
        "obskit_websocket_connection_duration_seconds_bucket",
    } <= exemplars.keys()


def test_stream_is_timed_to_its_last_byte_and_to_its_first(served):
    assert duration_s(served, "stream") >= 0.5
    total = served.value("http_server_request_duration_seconds_sum", http_route="/stream")
    first = served.value("obskit_http_server_time_to_first_byte_seconds_sum", http_route="/stream")
    assert total >= 0.5
    assert 0.1 <= first <= total - 0.3


def test_request_is_in_flight_while_its_body_streams(served):
    assert served.active_while_streaming == 1


def test_background_task_is_timed_apart(served):
    after = served.value("obskit_http_server_background_duration_seconds_sum", http_route="/background")
    total = served.value("http_server_request_duration_seconds_sum", http_route="/background")
    assert after >= 0.39
    assert total < after
    (span,) = [span for span in served.spans("background") if span["name"] == "background /background"]
    (server,) = served.server_spans("background")
    assert span["parentSpanId"] == server["spanId"]


def test_failed_background_task_has_its_line_its_span_and_its_count(served):
    line = access(served, "background failed", "http.background_failed")
    assert line["exception"]["type"] == "RuntimeError"
    series = {"http_route": "/background-failed", "error_type": "RuntimeError"}
    assert served.value("obskit_http_server_background_duration_seconds_count", **series) == 1
    (span,) = [each for each in served.spans("background failed") if each["name"].startswith("background ")]
    assert span["status"]["code"] == ERROR


def test_bodies_are_measured(served):
    sizes = "http_server_{}_body_size_bytes_sum"
    assert served.value(sizes.format("request"), http_route="/upload") == 1_000_000
    assert served.value(sizes.format("response"), http_route="/large") == 1_000_000
    assert served.value(sizes.format("response"), http_route="/stream") == 50
    assert served.value(sizes.format("request"), http_route="/plain/{item}") == 0


def test_sync_and_async_dependencies_reach_the_access_line(served):
    line = access(served, "sync")
    assert (line["from_sync"], line["from_async"]) == ("yes", "yes")
    for event in ("dependency.ran", "item.seen"):
        assert access(served, "sync", event)["span_id"] == served.server_spans("sync")[0]["spanId"]


def test_every_answer_names_its_request(served):
    assert served.answers["broken"].headers["x-request-id"] == "mine-1"
    for name, answer in served.answers.items():
        assert answer.headers["x-request-id"] == ("mine-1" if name == "broken" else served.traces[name])


def test_nothing_is_in_flight_when_all_is_done(served):
    assert served.value("http_server_active_requests") == 0


def test_no_query_and_no_header_is_in_lines_or_spans(served):
    assert "s3cret" not in json.dumps(served.lines())
    assert "s3cret" not in json.dumps(served.sink.spans)
    assert access(served, "plain")["path"] == "/plain/7"


def test_failures_are_logged_once_and_by_nobody_else(served):
    errors = [line for line in served.lines() if line["level"] in {"error", "critical"}]
    assert {line["event"] for line in errors} <= {
        "http.request",
        "http.background_failed",
        "websocket.closed",
    }
    assert len(errors) == 5
