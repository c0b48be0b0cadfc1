import io
import json
import logging
import sys
import threading
import warnings

import pytest

from obskit import context
from obskit.logging import configure
from obskit.logging._stdlib import PipeHandler, _Warnings, level_of


class UnspeakableError(Exception):
    pass


class Broken:
    def __init__(self, error):
        self.error = error

    def __str__(self):
        raise self.error


def without_pytests_handlers():
    """pytest's handlers raise for what ours has to survive."""
    root = logging.getLogger()
    root.handlers[:] = [handler for handler in root.handlers if isinstance(handler, PipeHandler)]


def test_records_become_lines(configured):
    _, lines = configured
    logging.getLogger("shop.db").warning("slow query: %d ms", 120, extra={"table": "orders"})
    (line,) = lines()
    assert (line["level"], line["event"], line["logger"], line["table"]) == (
        "warning",
        "slow query: 120 ms",
        "shop.db",
        "orders",
    )
    assert list(line)[7:] == ["table"], "nothing of the record's own comes along"


def test_extra_may_not_take_reserved_names(configured):
    _, lines = configured
    logging.getLogger("shop").info("x", extra={"service": "fake", "level": 1})
    (line,) = lines()
    assert (line["service"], line["level"], line["field_service"], line["field_level"]) == (
        "orders",
        "info",
        "fake",
        1,
    )


def test_exceptions_and_stacks(configured):
    _, lines = configured
    log = logging.getLogger("shop")
    try:
        int("bad sku")
    except ValueError as error:
        log.exception("order failed")
        log.error("order failed", exc_info=error)  # noqa: TRY400 - one of the ways
    log.info("order", stack_info=True)
    first, second, third = lines()
    assert first["exception"]["type"] == second["exception"]["type"] == "ValueError"
    assert "test_exceptions_and_stacks" in third["stack"]


@pytest.mark.parametrize(
    ("number", "level"),
    [
        (1, "debug"),
        (10, "debug"),
        (15, "debug"),
        (20, "info"),
        (25, "info"),
        (30, "warning"),
        (40, "error"),
        (50, "critical"),
        (99, "critical"),
    ],
)
def test_numbers_between_levels_belong_to_the_lower_one(number, level):
    assert level_of(number) == level


@pytest.mark.parametrize(
    "arguments",
    [("%d", "x"), ("%s %s", 1), ("%(a)s", {"b": 1}), ("no place", 1), ("%s", Broken(RuntimeError()))],
)
def test_wrong_arguments_do_not_cost_the_line(configured, arguments):
    _, lines = configured
    without_pytests_handlers()
    logging.getLogger("shop").info(*arguments)
    (line,) = lines()
    assert line["event"] == arguments[0]
    assert line["args"]


def test_the_root_level_follows_the_setting(make_pipe, read_lines):
    pipe = make_pipe(log_level="warning")
    configure(pipe)
    assert not logging.getLogger("shop").isEnabledFor(logging.INFO)
    logging.getLogger("shop").info("quiet")
    assert read_lines(pipe) == []


def test_handlers_of_the_terminal_go_and_others_stay(make_pipe, read_lines, tmp_path, capsys):
    class InterceptHandler(logging.Handler):
        """loguru's recipe for the way that obskit goes in the other direction."""

    root = logging.getLogger()
    kept = [logging.FileHandler(tmp_path / "own.log"), logging.StreamHandler(io.StringIO())]
    gone = [logging.StreamHandler(sys.stdout), logging.StreamHandler(), InterceptHandler()]
    for handler in [*kept, *gone]:
        root.addHandler(handler)
    pipe = make_pipe()
    configure(pipe)
    assert all(handler in root.handlers for handler in kept)
    assert not any(handler in root.handlers for handler in gone)
    logging.getLogger("shop").warning("once")
    assert len(read_lines(pipe)) == 1
    assert capsys.readouterr() == ("", "")
    kept[0].close()


def test_a_second_configure_replaces_the_first(make_pipe, read_lines):
    configure(make_pipe())
    pipe = make_pipe()
    configure(pipe)
    logging.getLogger("shop").warning("once")
    assert sum(isinstance(handler, PipeHandler) for handler in logging.getLogger().handlers) == 1
    assert [line["event"] for line in read_lines(pipe)] == ["once"]


def test_warnings_are_lines(configured):
    _, lines = configured
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old style", DeprecationWarning, stacklevel=1)
    (line,) = lines()
    assert (line["level"], line["logger"], line["event"]) == ("warning", "py.warnings", "old style")
    assert (line["category"], line["file"]) == ("DeprecationWarning", __file__)


def test_a_warning_that_is_shown_to_a_file_goes_there(configured):
    pipe, lines = configured
    shown = []
    show = _Warnings(pipe, lambda *arguments: shown.append(arguments))
    again = _Warnings(pipe, show)
    stream = io.StringIO()
    again("old style", UserWarning, "x.py", 1, stream)
    assert shown == [("old style", UserWarning, "x.py", 1, stream, None)]
    assert lines() == []


def test_context_of_the_request_reaches_threads_that_carry_it(configured):
    import contextvars

    _, lines = configured
    scope = context.RequestScope("r-1")
    token = context.enter(scope)
    carried = contextvars.copy_context()
    thread = threading.Thread(target=lambda: carried.run(logging.getLogger("shop").info, "packed"))
    thread.start()
    thread.join()
    context.leave(scope, token)
    assert lines()[0]["request_id"] == "r-1"


def test_uvicorns_report_is_dropped_only_when_the_exception_was_logged(configured):
    pipe, lines = configured
    logged, lost = ValueError("logged"), ValueError("lost")
    pipe.emit("error", "http.request", {"exc_info": logged})
    for error in (logged, lost):
        logging.getLogger("uvicorn.error").error("Exception in ASGI application\n", exc_info=error)
    assert [(line["event"], line["exception"]["message"]) for line in lines()] == [
        ("http.request", "logged"),
        ("Exception in ASGI application", "lost"),
    ]


def test_opentelemetry_repeats_itself_once_a_minute(configured, monkeypatch):
    _, lines = configured
    (handler,) = (handler for handler in logging.getLogger().handlers if isinstance(handler, PipeHandler))
    now = 0.0
    monkeypatch.setattr(handler._repeats, "_clock", lambda: now)
    log = logging.getLogger("opentelemetry.exporter")
    for _ in range(5):
        log.error("Failed to export to %s", "collector")
    log.error("something else")
    now = 61.0
    log.error("Failed to export to %s", "collector")
    logging.getLogger("shop").error("same")
    logging.getLogger("shop").error("same")
    assert [(line["event"], line.get("held_back")) for line in lines()] == [
        ("Failed to export to collector", None),
        ("something else", None),
        ("Failed to export to collector", 4),
        ("same", None),
        ("same", None),
    ]


def test_what_fails_in_the_handler_does_not_reach_the_caller(configured, monkeypatch, capsys):
    without_pytests_handlers()
    monkeypatch.setenv("OBSKIT_SWALLOW", "1")
    _, lines = configured
    logging.getLogger("shop").info("value %s", Broken(UnspeakableError("no text")))
    logging.getLogger("shop").info("next")
    assert [line["event"] for line in lines()] == ["next"]
    assert "stdlib logging failed (UnspeakableError: no text)" in capsys.readouterr().err


def test_every_line_of_a_mixed_program_is_json_and_comes_once(run_python, lines_of):
    result = run_python(
        """
import logging, sys, warnings
logging.basicConfig(level="DEBUG", stream=sys.stdout)
import structlog
from loguru import logger
from obskit.config import Settings
from obskit.logging import LogPipe, configure, get_logger
pipe = LogPipe(Settings.load({"service": "orders"}))
pipe.start()
configure(pipe)
get_logger().info("from obskit")
structlog.get_logger().info("from structlog")
logging.getLogger("shop").info("from logging")
logging.info("from root")
logger.info("from loguru")
warnings.warn("from warnings")
""",
        OBSKIT_LOG_DIR="",
    )
    assert result.stderr == ""
    sources = ["obskit", "structlog", "logging", "root", "loguru", "warnings"]
    assert [line["event"] for line in lines_of(result.stdout)] == [f"from {source}" for source in sources]
    assert json.loads(result.stdout.splitlines()[0])["service"] == "orders"
