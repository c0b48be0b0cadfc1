"""Pipes on real files, and a process that is as it was before each test."""

import contextvars
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from obskit.config import Settings
from obskit.logging import LogPipe, configure


@pytest.fixture
def make_pipe(tmp_path):
    """Give a started pipe with a log directory of its own; settings as keywords."""
    pipes = []

    def make(**settings):
        arguments = {"service": "orders", "log_dir": tmp_path / "logs", "log_format": "none", **settings}
        pipe = LogPipe(Settings.load(arguments, environ={}))
        pipe.start()
        pipes.append(pipe)
        return pipe

    yield make
    for pipe in pipes:
        pipe.close(5.0)


@pytest.fixture
def read_lines(tmp_path):
    """Flush a pipe and give the lines of its file as objects."""

    def read(pipe):
        assert pipe.flush(10.0)
        path = tmp_path / "logs" / f"orders.{os.getpid()}.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    return read


@pytest.fixture
def configured(make_pipe, read_lines):
    """Give a pipe that everything in the process writes to, and a way to read its lines."""
    pipe = make_pipe(log_level="debug")
    configure(pipe)
    return pipe, lambda: read_lines(pipe)


@pytest.fixture
def in_fresh_context():
    """Run a function in a context of its own, so that what it binds ends with it."""
    return lambda function: contextvars.Context().run(function)


@pytest.fixture
def run_python(tmp_path):
    """Run a script in another process, outside pytest's rule that swallowed failures are raised."""

    def run(script, *, stdout=subprocess.PIPE, timeout_s=60.0, **variables):
        path = tmp_path / "script.py"
        path.write_text(script)
        environ = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
        root = Path(__file__).parents[2]
        environ |= {"PYTHONPATH": str(root), "OBSKIT_LOG_DIR": str(tmp_path / "logs"), **variables}
        return subprocess.run(
            [sys.executable, str(path)],
            env=environ,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    return run


@pytest.fixture
def lines_of():
    """Parse a text, each line of which has to be one JSON object."""
    return lambda text: [json.loads(line) for line in text.splitlines()]
