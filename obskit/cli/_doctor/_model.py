"""One line of the report."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "State", "fail", "ok", "warn"]

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, what was seen, and what to do about it."""

    check: str
    state: State
    what: str
    fix: str = ""


def ok(check: str, what: str) -> Finding:
    """Return a finding that needs nothing."""
    return Finding(check, "ok", what)


def warn(check: str, what: str, fix: str) -> Finding:
    """Return a finding that costs something, or will."""
    return Finding(check, "warn", what, fix)


def fail(check: str, what: str, fix: str) -> Finding:
    """Return a finding that must be mended: telemetry is missing or wrong."""
    return Finding(check, "fail", what, fix)
