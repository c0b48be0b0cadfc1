"""Checks as they are run, and what came of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from obskit.testing.acceptance._values import Expected

__all__ = ["Check", "MetricChange", "Request", "Result"]


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent; ``json`` wins over ``body``."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # may carry a token
    json: Any = None
    body: str | None = None


@dataclass(frozen=True, slots=True)
class MetricChange:
    """How the sum of the series of *metric* with *labels* is expected to change."""

    metric: str
    labels: Mapping[str, str]
    change: Expected


@dataclass(frozen=True, slots=True)
class Check:
    """One request and what is expected of it; None where nothing is said."""

    name: str
    request: Request
    status: Expected | None = None
    headers: Mapping[str, Expected] = field(default_factory=dict)
    body: Expected | None = None
    access_line: Mapping[str, Expected] = field(default_factory=dict)
    logs: tuple[Mapping[str, Expected], ...] = ()
    span: Mapping[str, Expected] = field(default_factory=dict)
    metrics: tuple[MetricChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one check: its problems, and the expectations that could not be seen from outside."""

    name: str
    problems: tuple[str, ...]
    unseen: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """True when there is no problem."""
        return not self.problems
