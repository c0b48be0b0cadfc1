"""Fixtures that every test may use: fresh telemetry, captured signals, free ports, waiting."""

import logging
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import loguru
import pytest
import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.util._once import Once
from xdist.scheduler import LoadFileScheduling

import obskit
from obskit import _guard, _setup, context
from obskit.logging import _loggers
from obskit.testing import Capture

FLEET = "tests/samples/test_"
"""Tests that share a set of running services, which takes long to start."""


class FileScheduling(LoadFileScheduling):
    """A worker gets a whole file, and one worker all files of the fleet."""

    def _split_scope(self, nodeid: str) -> str:
        return FLEET if nodeid.startswith(FLEET) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FileScheduling:
    config.option.loadscopereorder = False  # many tests are not much work: the fewest often take longest
    return FileScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no worker is alone with it at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(FLEET))


def reset_opentelemetry() -> None:
    """OpenTelemetry lets a global provider be set once a process; tests need one each."""
    trace._TRACER_PROVIDER_SET_ONCE = Once()
    trace._TRACER_PROVIDER = None


@contextmanager
def logging_as_before() -> Iterator[None]:
    """Put every source of log lines back to what it was: init() connects them for the whole process."""
    root = logging.getLogger()
    handlers, level, showwarning = root.handlers[:], root.level, warnings.showwarning
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    config = structlog.get_config()
    chains = [(chain, chain[:]) for chain in (_loggers._chain, config["processors"])]
    token = context._current.set(None)
    yield
    context._current.reset(token)
    structlog.contextvars.clear_contextvars()
    for chain, content in chains:
        chain[:] = content
    structlog.configure(**config)
    _loggers._filter_at("notset")
    warnings.showwarning = showwarning
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    root.handlers[:] = handlers
    root.setLevel(level)
    loguru.logger.remove()


@pytest.fixture(autouse=True)
def _fresh_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for variable in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OBSKIT_LOG_DIR", "OBSKIT_HOME"):
        monkeypatch.delenv(variable, raising=False)
    reset_opentelemetry()
    _guard.failures.clear()
    _setup._process.declared.clear()  # what another test declared may not have been collected yet
    with logging_as_before():
        yield
        obskit.shutdown()
    reset_opentelemetry()


@dataclass
class Captured:
    """What one test's telemetry produced: ``obs_capture`` with the raw spans and exact label sets."""

    telemetry: obskit.Telemetry
    capture: Capture

    @property
    def lines(self) -> list[dict[str, Any]]:
        return list(self.capture.logs)

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return tuple(span.raw for span in self.capture.spans)

    def span(self, name: str) -> ReadableSpan:
        return self.capture.spans.one(name).raw

    def events(self, event: str) -> list[dict[str, Any]]:
        return list(self.capture.logs.all(event=event))

    def value(self, name: str, **labels: str) -> float | None:
        return self.telemetry.registry.get_sample_value(name, labels)


@pytest.fixture
def captured(obs_capture: Capture) -> Captured:
    """Start telemetry and keep everything that it produces."""
    return Captured(obskit.init(service="testing", version="1", log_format="none"), obs_capture)


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Give a port on loopback that nothing listens on now."""

    def give() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return give


@pytest.fixture
def wait_for() -> Callable[..., Any]:
    """Ask a condition until it answers with something true, or fail with what was waited for."""

    def wait(condition: Callable[[], Any], what: str, *, within_s: float = 20.0) -> Any:
        deadline = time.monotonic() + within_s
        while not (answer := condition()):
            assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
            time.sleep(0.02)
        return answer

    return wait
