import contextlib
import json

import pytest
import structlog

from obskit import context
from obskit.logging import configure, get_logger


def test_a_logger_is_named_by_its_caller_or_its_module(configured):
    _, lines = configured
    get_logger("orders.api").info("order.created")
    get_logger().info("order.created")
    assert [line["logger"] for line in lines()] == ["orders.api", __name__]


def test_all_levels_and_the_formatting_of_structlog(configured):
    _, lines = configured
    log = get_logger()
    log.debug("a %s", 1)
    log.info("b")
    log.warning("c %(x)s", {"x": 2})
    log.warn("d")  # noqa: G010 - structlog has both
    log.error("e")
    log.critical("f")
    log.fatal("g")
    log.log(30, "h")
    assert [(line["level"], line["event"]) for line in lines()] == [
        ("debug", "a 1"),
        ("info", "b"),
        ("warning", "c 2"),
        ("warning", "d"),
        ("error", "e"),
        ("critical", "f"),
        ("critical", "g"),
        ("warning", "h"),
    ]


def test_bound_values_stay_with_their_logger(configured):
    _, lines = configured
    log = get_logger("a")
    log.bind(order_id="o-1").bind(sku="s").info("order.created", sku="t")
    log.info("order.created")
    first, second = lines()
    assert (first["order_id"], first["sku"], first["logger"]) == ("o-1", "t", "a")
    assert "order_id" not in second


def test_exceptions_and_stacks(configured):
    _, lines = configured
    log = get_logger()
    try:
        int("bad sku")
    except ValueError as error:
        log.exception("order.failed")
        log.error("order.failed", exc_info=error)  # noqa: TRY400 - one of the ways
        log.error("order.failed", exc_info=True)  # noqa: G201 - one of the ways
    log.exception("order.failed")  # noqa: LOG004 - nothing to show must do no harm
    log.info("order.created", stack_info=True)
    *raised, none, stack = lines()
    assert [line["exception"]["type"] for line in raised] == ["ValueError"] * 3
    assert "exception" not in none
    assert stack["stack"].splitlines()[-1].strip().startswith('log.info("order.created", stack_info=True)')


def test_the_level_is_filtered_before_the_arguments_are_looked_at(make_pipe, read_lines):
    pipe = make_pipe(log_level="warning")
    configure(pipe)
    log = get_logger()
    log.info("%d is no number, and nobody asks", "x")
    assert not log.is_enabled_for(20)
    assert log.is_enabled_for(30)
    assert read_lines(pipe) == []


def test_loggers_made_before_init_write_to_the_pipe(make_pipe, read_lines, capsys):
    early = [
        get_logger("early"),
        get_logger("early").bind(x=1),
        structlog.get_logger("early"),
        structlog.get_logger("early").bind(x=1),
    ]
    early[0].info("before")
    early[2].info("before")
    pipe = make_pipe()
    configure(pipe)
    for log in early:
        log.info("after")
        log.debug("too low")
    assert [line["event"] for line in read_lines(pipe)] == ["after"] * 4
    assert capsys.readouterr().out.count("before") == 2


def test_loggers_that_were_used_follow_a_second_pipe_and_its_level(make_pipe, read_lines, tmp_path):
    first = make_pipe(log_level="warning")
    configure(first)
    loggers = [
        get_logger("a"),
        get_logger("a").bind(x=1),
        structlog.get_logger("a"),
        structlog.get_logger("a").bind(x=1),
    ]
    for log in loggers:
        log.warning("first")
    assert len(read_lines(first)) == 4
    first.close(5.0)
    second = make_pipe(log_level="debug", log_dir=tmp_path / "second")
    configure(second)
    for log in loggers:
        log.debug("second")
    second.close(5.0)
    (path,) = (tmp_path / "second").iterdir()
    assert [json.loads(line)["event"] for line in path.read_text().splitlines()] == ["second"] * 4
    assert len(read_lines(first)) == 4


def test_before_init_a_logger_does_as_structlog_is_configured(capsys):
    structlog.configure(processors=[structlog.processors.JSONRenderer(sort_keys=True)])
    get_logger("early").bind(x=1).info("order.created", y=2)
    assert json.loads(capsys.readouterr().out) == {"event": "order.created", "x": 1, "y": 2}


def test_structlogs_own_capture_works(configured):
    _, lines = configured
    log = get_logger().bind(x=1)
    with structlog.testing.capture_logs() as captured:
        log.info("order.created", y=2)
    log.info("afterwards")
    assert captured == [{"event": "order.created", "x": 1, "y": 2, "log_level": "info"}]
    assert [line["event"] for line in lines()] == ["afterwards"]


def test_structlogs_context_variables_are_fields(configured):
    _, lines = configured
    structlog.contextvars.bind_contextvars(tenant="t-1", x=0)
    get_logger().bind(x=1).info("order.created")
    structlog.get_logger().info("order.created", x=2)
    structlog.contextvars.clear_contextvars()
    get_logger().info("order.created")
    first, second, third = lines()
    assert (first["tenant"], first["x"], second["tenant"], second["x"]) == ("t-1", 1, "t-1", 2)
    assert "tenant" not in third


def test_another_chain_after_ours_prints(configured, capsys):
    structlog.configure(processors=[structlog.processors.JSONRenderer()])
    structlog.get_logger().info("theirs")
    assert json.loads(capsys.readouterr().out) == {"event": "theirs"}


def test_request_fields_reach_every_logger(configured):
    _, lines = configured
    scope = context.RequestScope("r-1")
    token = context.enter(scope)
    context.bind(user_id="u-1")
    get_logger().info("order.created")
    structlog.get_logger().info("order.created")
    context.leave(scope, token)
    assert [(line["request_id"], line["user_id"]) for line in lines()] == [("r-1", "u-1")] * 2


@pytest.mark.parametrize("event", [None, 3, {"a": 1}, b"raw"])
def test_an_event_that_is_no_text_becomes_one(configured, event):
    _, lines = configured
    get_logger().info(event)
    assert isinstance(lines()[0]["event"], str)


def test_a_failing_tap_does_not_reach_the_caller(configured, monkeypatch):
    monkeypatch.setenv("OBSKIT_SWALLOW", "1")
    pipe, lines = configured

    def fail(_record):
        raise RuntimeError("tap")

    pipe.tap = fail
    with contextlib.redirect_stderr(None):
        get_logger().info("order.created")
    assert len(lines()) == 1
