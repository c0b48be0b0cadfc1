"""What a value is expected to be: itself, or a condition."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from obskit.testing.acceptance._errors import refuse

__all__ = ["ABSENT", "Expected", "expected"]

ABSENT = object()
"""Stands for a value that is not there."""

_CONDITIONS = ("present", "matches", "one_of", "at_least")


@dataclass(frozen=True, slots=True)
class Expected:
    """One expectation: ``kind`` is ``is`` or one of the conditions."""

    kind: str
    value: Any

    def is_met_by(self, actual: Any) -> bool:
        """Tell whether *actual*, or :data:`ABSENT`, is what is expected."""
        if self.kind == "present":
            return (actual is not ABSENT) is self.value
        if actual is ABSENT:
            return False
        if self.kind == "matches":
            return re.search(self.value, str(actual)) is not None
        if self.kind == "one_of":
            return any(_same(each, actual) for each in self.value)
        if self.kind == "at_least":
            return isinstance(actual, (int, float)) and actual >= self.value
        return _same(self.value, actual)

    def __str__(self) -> str:
        return repr(self.value) if self.kind == "is" else f"{self.kind}: {self.value!r}"


def _same(wanted: Any, actual: Any) -> bool:
    if isinstance(wanted, Mapping) and isinstance(actual, Mapping):
        return all(key in actual and _same(value, actual[key]) for key, value in wanted.items())
    # True is no 1 in YAML.
    return bool(wanted == actual) and isinstance(wanted, bool) == isinstance(actual, bool)


def expected(value: Any, where: str) -> Expected:
    """Read one expectation.

    Raises:
        ConfigError: a condition is unknown or has a value that it cannot take.
    """
    if not isinstance(value, Mapping) or not value.keys() & set(_CONDITIONS):
        return Expected("is", value)
    if len(value) != 1:
        refuse(
            where,
            f"has {len(value)} keys ({', '.join(map(str, value))})",
            f"use one of {', '.join(_CONDITIONS)}",
        )
    kind, operand = next(iter(value.items()))
    _check_operand(str(kind), operand, f"{where}.{kind}")
    return Expected(str(kind), operand)


def _check_operand(kind: str, operand: Any, where: str) -> None:
    if kind == "present" and not isinstance(operand, bool):
        refuse(where, f"{operand!r} is neither true nor false", "use true or false")
    if kind == "one_of" and not (isinstance(operand, list) and operand):
        refuse(where, f"{operand!r} is not a list", "use a list such as [200, 201]")
    if kind == "at_least" and (isinstance(operand, bool) or not isinstance(operand, (int, float))):
        refuse(where, f"{operand!r} is not a number", "use a number such as 1")
    if kind == "matches":
        try:
            re.compile(operand)
        except (re.error, TypeError) as error:
            refuse(
                where, f"{operand!r} is not a regular expression ({error})", "use one of Python's, as text"
            )
