import json
import re

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from obskit import context
from obskit.config import Settings
from obskit.errors import ConfigError
from obskit.logging import LogPipe

ALWAYS = ["timestamp", "level", "event", "service", "environment", "version", "logger"]


def test_a_line_begins_with_what_is_always_there(make_pipe, read_lines):
    pipe = make_pipe(version="1.4", environment="demo")
    pipe.emit("info", "order.created", {"order_id": "o-1"}, "orders.api")
    (line,) = read_lines(pipe)
    assert list(line) == [*ALWAYS, "order_id"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line.pop("timestamp"))
    assert line == {
        "level": "info",
        "event": "order.created",
        "service": "orders",
        "environment": "demo",
        "version": "1.4",
        "logger": "orders.api",
        "order_id": "o-1",
    }


def test_a_line_without_fields_is_whole(make_pipe, read_lines):
    pipe = make_pipe()
    pipe.emit("info", "order.created", {})
    assert list(read_lines(pipe)[0]) == ALWAYS


def test_ids_of_span_and_request_come_after_the_logger_and_before_the_fields(make_pipe, read_lines):
    pipe = make_pipe()
    scope = context.RequestScope("r-1")
    token = context.enter(scope)
    with TracerProvider().get_tracer("test").start_as_current_span("request") as span:
        pipe.emit("info", "order.created", {"order_id": "o-1"})
    context.leave(scope, token)
    (line,) = read_lines(pipe)
    assert list(line) == [*ALWAYS, "trace_id", "span_id", "request_id", "order_id"]
    ids = span.get_span_context()
    assert line["trace_id"] == trace.format_trace_id(ids.trace_id)
    assert line["span_id"] == trace.format_span_id(ids.span_id)
    assert line["request_id"] == "r-1"


def test_fields_of_the_call_win_over_bound_ones(make_pipe, read_lines):
    pipe = make_pipe()
    scope = context.RequestScope("r-1")
    token = context.enter(scope)
    context.bind(user_id="u-1", attempt=1)
    pipe.emit("info", "order.created", {"attempt": 2})
    context.leave(scope, token)
    (line,) = read_lines(pipe)
    assert (line["user_id"], line["attempt"]) == ("u-1", 2)


def test_fields_may_not_take_reserved_names(make_pipe, read_lines):
    pipe = make_pipe()
    pipe.emit(
        "info",
        "real",
        {"level": "fake", "event": "fake", "trace_id": "fake", "field_level": 1, "timestamp": 0},
    )
    (line,) = read_lines(pipe)
    assert (line["level"], line["event"]) == ("info", "real")
    assert "trace_id" not in line
    assert line["field_field_level"] == "fake"
    assert (line["field_level"], line["field_event"], line["field_trace_id"]) == (1, "fake", "fake")


def test_bound_fields_may_not_take_reserved_names(make_pipe, read_lines):
    pipe = make_pipe()
    scope = context.RequestScope("r-1")
    token = context.enter(scope)
    context.bind(service="fake", request_id="fake")
    pipe.emit("info", "real", {})
    context.leave(scope, token)
    (line,) = read_lines(pipe)
    assert (line["service"], line["request_id"], line["field_service"]) == ("orders", "r-1", "fake")


def test_emit_leaves_the_callers_fields_alone(make_pipe):
    fields = {"exc_info": ValueError("x"), "level": 1, "password": "hunter2"}
    make_pipe().emit("error", "order.failed", fields)
    assert list(fields) == ["exc_info", "level", "password"]
    assert fields["password"] == "hunter2"


def test_lines_below_the_level_are_not_written(make_pipe, read_lines):
    pipe = make_pipe(log_level="warning")
    for level in ("debug", "info", "warning", "error", "critical"):
        pipe.emit(level, level, {})
    assert [line["event"] for line in read_lines(pipe)] == ["warning", "error", "critical"]
    assert pipe.written == {"debug": 0, "info": 0, "warning": 1, "error": 1, "critical": 1}


def test_the_tap_sees_fields_after_redaction_and_before_json(make_pipe):
    pipe = make_pipe()
    seen = []
    pipe.tap = seen.append
    moment = object()
    pipe.emit("info", "order.created", {"token": "abc"})
    pipe.emit("info", "order.created", {"quantity": 3})
    pipe.emit("info", "order.created", {"moment": moment})
    assert seen[0]["token"] == "[redacted]"
    assert list(seen[1]) == [*ALWAYS, "quantity"]
    assert seen[2]["moment"] == repr(moment)


def test_the_tap_works_without_any_sink():
    pipe = LogPipe(Settings.load({"log_format": "none"}, environ={}))
    pipe.start()
    seen = []
    pipe.tap = seen.append
    pipe.emit("info", "order.created", {})
    assert [record["event"] for record in seen] == ["order.created"]
    assert pipe.written["info"] == 1
    pipe.close(1.0)


def test_lines_before_start_wait_for_it(make_pipe, read_lines, tmp_path):
    pipe = LogPipe(
        Settings.load({"service": "orders", "log_dir": tmp_path / "logs", "log_format": "none"}, environ={})
    )
    pipe.emit("info", "early", {})
    assert pipe.written["info"] == 0
    pipe.start()
    assert [line["event"] for line in read_lines(pipe)] == ["early"]
    pipe.close(5.0)


def test_lines_after_close_are_written_at_once(make_pipe, tmp_path):
    pipe = make_pipe()
    pipe.emit("info", "before", {})
    pipe.close(5.0)
    pipe.emit("info", "after", {})
    (path,) = (tmp_path / "logs").iterdir()
    assert [json.loads(line)["event"] for line in path.read_text().splitlines()] == ["before", "after"]


def test_start_and_close_may_be_repeated(make_pipe, read_lines):
    pipe = make_pipe()
    pipe.start()
    pipe.emit("info", "once", {})
    pipe.close(5.0)
    pipe.close(5.0)
    assert [line["event"] for line in read_lines(pipe)] == ["once"]


def test_a_log_directory_that_cannot_be_one_is_refused_with_the_fix(tmp_path):
    (tmp_path / "file").write_text("")
    pipe = LogPipe(Settings.load({"log_dir": tmp_path / "file" / "logs", "log_format": "none"}, environ={}))
    with pytest.raises(ConfigError, match=r"OBSKIT_LOG_DIR='.*file/logs' cannot be used .*name a directory"):
        pipe.start()
