"""The result of one check, and of a row."""

from dataclasses import dataclass, field
from typing import Any

__all__ = ["CHECKS", "Check", "RowResult"]

CHECKS = ("panel", "log", "span", "alert", "incident", "links", "others", "resolved")
"""What a fault has to show, in the order in which it is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Whether one promise of a row was kept, and what was measured.

    *after_s* is counted from switching on, for ``resolved`` from switching off; None where it
    never came, or where time says nothing. *said* is for people.
    """

    passed: bool
    said: str
    after_s: float | None = None
    measured: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the check as ``--json`` has it."""
        return {"passed": self.passed, "after_s": self.after_s, "said": self.said, **self.measured}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowResult:
    """What one fault showed at *level* percent, on at *at* (RFC 3339, UTC), over after *seconds*."""

    id: str
    level: int
    at: str
    seconds: float
    checks: dict[str, Check]

    @property
    def passed(self) -> bool:
        """Whether every check was made and passed."""
        return self.checks.keys() == set(CHECKS) and all(check.passed for check in self.checks.values())

    def to_json(self) -> dict[str, Any]:
        """Return the row as ``--json`` has it."""
        return {
            "id": self.id,
            "passed": self.passed,
            "level": self.level,
            "at": self.at,
            "seconds": self.seconds,
            "checks": {name: check.to_json() for name, check in self.checks.items()},
        }
