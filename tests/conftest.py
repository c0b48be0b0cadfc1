"""Fixtures that every test may use: fresh telemetry, captured signals, free ports, waiting."""

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.util._once import Once

import obskit
from obskit import _guard


def reset_opentelemetry() -> None:
    """OpenTelemetry lets a global provider be set once a process; tests need one each."""
    trace._TRACER_PROVIDER_SET_ONCE = Once()
    trace._TRACER_PROVIDER = None


@pytest.fixture(autouse=True)
def _fresh_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for variable in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OBSKIT_LOG_DIR", "OBSKIT_HOME"):
        monkeypatch.delenv(variable, raising=False)
    reset_opentelemetry()
    _guard.failures.clear()
    yield
    obskit.shutdown()
    reset_opentelemetry()


@dataclass
class Captured:
    """What one test's telemetry produced."""

    telemetry: obskit.Telemetry
    exporter: InMemorySpanExporter
    lines: list[dict[str, Any]] = field(default_factory=list)

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()

    def span(self, name: str) -> ReadableSpan:
        found = [span for span in self.spans if span.name == name]
        assert len(found) == 1, f"{name}: {[span.name for span in self.spans]}"
        return found[0]

    def events(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event]

    def value(self, name: str, **labels: str) -> float | None:
        return self.telemetry.registry.get_sample_value(name, labels)


@pytest.fixture
def captured() -> Captured:
    """Telemetry that writes nowhere and keeps everything."""
    telemetry = obskit.init(service="testing", version="1", log_format="none")
    exporter = InMemorySpanExporter()
    telemetry.tracing.provider.add_span_processor(SimpleSpanProcessor(exporter))
    result = Captured(telemetry, exporter)
    telemetry.pipe.tap = result.lines.append
    return result


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
