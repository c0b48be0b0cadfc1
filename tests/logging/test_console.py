import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from obskit.logging._console import Console

LINE = {
    "timestamp": "2026-11-22T12:00:00.123456Z",
    "level": "info",
    "event": "order.created",
    "service": "orders",
    "environment": "demo",
    "version": "1",
    "logger": "shop",
}
SCRIPT = """
from obskit.config import Settings
from obskit.logging import LogPipe, configure, get_logger
pipe = LogPipe(Settings.load({"service": "orders"}))
pipe.start()
configure(pipe)
get_logger("shop").info("order.created", order_id="o-1")
"""


def shown(**fields):
    return Console(colors=False).render(json.dumps({**LINE, **fields}).encode()).decode()


def test_shows_time_level_event_and_fields():
    text = shown(order_id="o-1", quantity=3)
    assert re.fullmatch(r"12:00:00\.123 \[info +\] order\.created +\[shop\] order_id=o-1 quantity=3\n", text)


def test_shows_the_causes_first():
    cause = {"type": "KeyError", "message": "k", "stacktrace": "Traceback\nKeyError: k\n", "cause": None}
    error = {"type": "ValueError", "message": "v", "stacktrace": "Traceback\nValueError: v\n", "cause": cause}
    text = shown(exception=error)
    assert text.endswith("Traceback\nKeyError: k\n\nwhich led to:\n\nTraceback\nValueError: v\n")


@pytest.mark.parametrize("where", ["event", "name", "nested"])
def test_control_characters_do_not_reach_the_terminal(where):
    nasty = "a\x1b[31mred\x07"
    text = shown(**{where: {"deep": nasty} if where == "nested" else nasty})
    assert "\x1b" not in text
    assert "\x07" not in text


def run_in_terminal(tmp_path, **variables):
    master, slave = pty.openpty()
    environ = {
        name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "PYTEST_CURRENT_TEST"}
    }
    environ |= {"PYTHONPATH": str(Path(__file__).parents[2]), "OBSKIT_LOG_DIR": str(tmp_path), **variables}
    subprocess.run([sys.executable, "-c", SCRIPT], env=environ, stdout=slave, check=True, timeout=60)
    os.close(slave)
    output = os.read(master, 10_000).decode()
    os.close(master)
    return output


def test_a_terminal_gets_colours_and_the_file_gets_json(tmp_path):
    output = run_in_terminal(tmp_path)
    assert "\x1b[" in output
    assert "order.created" in output
    (path,) = tmp_path.iterdir()
    assert json.loads(path.read_text())["order_id"] == "o-1"


def test_no_colours_for_who_says_so(tmp_path):
    output = run_in_terminal(tmp_path, NO_COLOR="1")
    assert "\x1b[" not in output
    assert "order_id=o-1" in output


def test_json_on_a_terminal_for_who_says_so(tmp_path):
    assert json.loads(run_in_terminal(tmp_path, OBSKIT_LOG_FORMAT="json"))["event"] == "order.created"


def test_console_without_a_terminal_has_no_colours(run_python):
    result = run_python(SCRIPT, OBSKIT_LOG_FORMAT="console")
    assert "order_id=o-1" in result.stdout
    assert "\x1b[" not in result.stdout


def test_none_prints_nothing(run_python, tmp_path):
    result = run_python(SCRIPT, OBSKIT_LOG_FORMAT="none")
    assert (result.stdout, result.stderr) == ("", "")
    assert list((tmp_path / "logs").iterdir())
