"""Captures what the code under test logs, traces and counts."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

from obskit import Telemetry, _setup, init
from obskit.testing._attach import attached, stamped_by
from obskit.testing._bounds import assert_no_unbounded_labels
from obskit.testing._clock import Clock
from obskit.testing._logs import CapturedLogs
from obskit.testing._metrics import CapturedMetrics
from obskit.testing._spans import CapturedSpan, CapturedSpans

__all__ = ["Capture", "capture"]


class Capture:
    """What was logged, traced and counted since the capture began.

    Telemetry that is on already is captured as it is; telemetry that ``obskit.init`` turns
    on later is captured from its first line. Trace and span ids count from 1, so that they
    are the same in every run; :attr:`clock` stamps lines and spans.
    """

    def __init__(self) -> None:
        self.logs = CapturedLogs()
        self.spans = CapturedSpans()
        self.clock = Clock()
        self.metrics = CapturedMetrics(lambda: self.telemetry.registry)

    @property
    def telemetry(self) -> Telemetry:
        """The telemetry of the process; it is turned on when nobody did so."""
        return init()

    @property
    def server_span(self) -> CapturedSpan:
        """The one SERVER span.

        Raises:
            AssertionError: there is none, or there are several; the text lists what ended.
        """
        __tracebackhide__ = True
        return self.spans.one(kind="SERVER")

    def clear(self) -> None:
        """Forget the lines and spans so far, and let ``metrics.delta`` count from now on."""
        self.logs.clear()
        self.spans.clear()
        self.metrics.mark()

    def assert_no_unbounded_labels(self, *, max_series: int = 200) -> None:
        """Fail when a label holds ids, addresses or other values without bound.

        Args:
            max_series: label sets that one metric may have in this test.

        Raises:
            AssertionError: a metric has such a label, or more label sets than that.
        """
        __tracebackhide__ = True
        assert_no_unbounded_labels(self.telemetry.registry, max_series=max_series)

    def on_line(self, record: Mapping[str, Any]) -> None:
        """Take the *record* of one log line; the log pipe calls this."""
        self.logs.add(record)

    def on_span(self, span: ReadableSpan) -> None:
        """Take one ended *span*; the tracer provider calls this."""
        self.spans.add(span)


@contextmanager
def capture() -> Iterator[Capture]:
    """Capture until the block ends; the fixture ``obs_capture`` is this for one test.

    Captures may be nested: lines and spans go to the innermost one.
    """
    captured = Capture()
    with ExitStack() as stack:

        def attach(telemetry: Telemetry) -> None:
            stack.enter_context(attached(telemetry, captured))
            stack.enter_context(stamped_by(captured.clock, telemetry))

        stack.enter_context(_told_of_new(attach))
        if _setup.current() is not None:
            attach(init())
            captured.metrics.mark()
        yield captured


@contextmanager
def _told_of_new(attach: Callable[[Telemetry], None]) -> Iterator[None]:
    before = _setup.watch(attach)
    try:
        yield
    finally:
        _setup.watch(before)
