import sys
import threading

from loguru import logger

from obskit import context
from obskit.logging import _loguru, configure

CONFIGURE = """
from obskit.config import Settings
from obskit.logging import LogPipe, configure
pipe = LogPipe(Settings.load({"service": "orders"}))
pipe.start()
configure(pipe)
"""


def test_lines_with_their_level_name_and_fields(configured):
    _, lines = configured
    logger.bind(order_id="o-1").warning("stock of {sku} is low", sku="s-1")
    (line,) = lines()
    assert (line["level"], line["event"], line["logger"]) == ("warning", "stock of s-1 is low", __name__)
    assert (line["order_id"], line["sku"]) == ("o-1", "s-1")


def test_loguru_s_own_levels(configured):
    _, lines = configured
    for level in ("TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL"):
        logger.log(level, "x")
    assert [line["level"] for line in lines()] == [
        "debug",
        "debug",
        "info",
        "info",
        "warning",
        "error",
        "critical",
    ]


def test_extra_may_not_take_reserved_names(configured):
    _, lines = configured
    logger.bind(service="fake").info("x")
    assert (lines()[0]["service"], lines()[0]["field_service"]) == ("orders", "fake")


def test_exceptions_without_the_values_of_variables(configured):
    _, lines = configured
    hidden = "s3cr3t"
    try:
        {}[hidden[:1]]
    except KeyError:
        logger.exception("lookup failed")
    (line,) = lines()
    assert line["exception"]["type"] == "KeyError"
    assert "s3cr3t" not in str(line).replace('hidden = "s3cr3t"', "")


def test_secrets_are_redacted(configured):
    _, lines = configured
    logger.bind(password="hunter2").info("login with token=abc")
    assert (lines()[0]["password"], lines()[0]["event"]) == ("[redacted]", "login with token=[redacted]")


def test_the_request_is_on_the_line(configured):
    _, lines = configured
    scope = context.RequestScope("r-1")
    token = context.enter(scope)
    context.bind(user_id="u-1")
    logger.info("x")
    context.leave(scope, token)
    assert (lines()[0]["request_id"], lines()[0]["user_id"]) == ("r-1", "u-1")


def test_sinks_of_the_terminal_go_and_others_stay(run_python, lines_of, tmp_path):
    own = tmp_path / "own.log"
    result = run_python(
        f"""
import logging, sys
from loguru import logger
class PropagateHandler(logging.Handler): pass
logger.add(sys.stdout)
logger.add(sys.stderr)
logger.add(PropagateHandler())
logger.add({str(own)!r}, format="{{message}}")
{CONFIGURE}
logger.info("once")
print(len(logger._core.handlers), file=sys.stderr)
"""
    )
    assert [line["event"] for line in lines_of(result.stdout)] == ["once"]
    assert own.read_text() == "once\n"
    assert result.stderr == "2\n"


def test_a_second_configure_replaces_the_first(make_pipe, read_lines):
    configure(make_pipe())
    pipe = make_pipe()
    configure(pipe)
    logger.info("once")
    assert [line["event"] for line in read_lines(pipe)] == ["once"]


def test_a_line_logged_while_a_line_is_written_does_not_hang(configured, wait_for):
    class Chatty:
        def __repr__(self):
            logger.info("inner")
            return "chatty"

    _, lines = configured
    thread = threading.Thread(target=lambda: logger.bind(value=Chatty()).info("outer"), daemon=True)
    thread.start()
    wait_for(lambda: not thread.is_alive(), "the line is written")
    assert "outer" in [line["event"] for line in lines()]


def test_nothing_happens_where_loguru_is_not_installed(make_pipe, monkeypatch):
    monkeypatch.setattr(_loguru, "find_spec", lambda _name: None)
    monkeypatch.setitem(sys.modules, "loguru", None)
    configure(make_pipe())


def test_loguru_is_not_imported_with_obskit(run_python):
    result = run_python("import sys, obskit.logging\nprint('loguru' in sys.modules)\n")
    assert (result.stdout, result.stderr) == ("False\n", "")


def test_loguru_imported_after_configure_writes_to_the_pipe(run_python, lines_of):
    result = run_python(
        f"""
{CONFIGURE}
from loguru import logger
logger.info("late")
"""
    )
    assert [line["event"] for line in lines_of(result.stdout)] == ["late"]
    assert result.stderr == ""
