"""Proves that a fault shows: panel, log line, span, alert, incident, links, and that it ends."""

from obskit.cli._verify._check import CHECKS, Check, RowResult
from obskit.cli._verify._eyes import Eyes
from obskit.cli._verify._promise import Healthy, Promise, promise_of
from obskit.cli._verify._report import Report
from obskit.cli._verify._run import Options, verify, warm_up
from obskit.cli._verify._show import announce, show_rows

__all__ = [
    "CHECKS",
    "Check",
    "Eyes",
    "Healthy",
    "Options",
    "Promise",
    "Report",
    "RowResult",
    "announce",
    "promise_of",
    "show_rows",
    "verify",
    "warm_up",
]
