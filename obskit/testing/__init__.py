"""What tests of a service use: captured signals, a check of labels, acceptance checks.

pytest has the fixture ``obs_capture`` as soon as obskit is installed; :func:`capture` is
the same for other test runners. See ``obskit/testing/README.md``.
"""

from obskit.testing._bounds import assert_no_unbounded_labels
from obskit.testing._capture import Capture, capture
from obskit.testing._clock import Clock
from obskit.testing._logs import CapturedLogs, LogLine
from obskit.testing._metrics import CapturedMetrics
from obskit.testing._spans import CapturedSpan, CapturedSpans

__all__ = [
    "Capture",
    "CapturedLogs",
    "CapturedMetrics",
    "CapturedSpan",
    "CapturedSpans",
    "Clock",
    "LogLine",
    "assert_no_unbounded_labels",
    "capture",
]
