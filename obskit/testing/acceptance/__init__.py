"""Acceptance checks in YAML: requests, and the log line, span and metrics that each must leave.

``obskit check FILE --app module:app`` runs them; the format is in ``obskit/testing/README.md``.
"""

from obskit.testing.acceptance._drive import check_app, check_url
from obskit.testing.acceptance._format import load_checks, parse_checks
from obskit.testing.acceptance._model import Check, MetricChange, Request, Result
from obskit.testing.acceptance._values import Expected

__all__ = [
    "Check",
    "Expected",
    "MetricChange",
    "Request",
    "Result",
    "check_app",
    "check_url",
    "load_checks",
    "parse_checks",
]
