"""The values that templates work with, and how Go turns them into each other and into text."""

from dataclasses import dataclass
from typing import Any

from obskit.embedded.logs.logql._moments import layout
from obskit.embedded.logs.logql._units import value_text

__all__ = ["Call", "Moment", "TemplateError", "is_true", "shown", "to_float", "to_int", "to_text"]

_LEAST_EXPONENT, _MOST_EXPONENT = -4, 21


class TemplateError(ValueError):
    """A template cannot be executed for a line."""


@dataclass(frozen=True, slots=True)
class Call:
    """The line that a template is executed for, and its time in nanoseconds."""

    line: str
    ts: int


@dataclass(frozen=True, slots=True)
class Moment:
    """A time: nanoseconds since 1970."""

    ts: int

    def __str__(self) -> str:
        return layout(self.ts, "2006-01-02 15:04:05.999999999 -0700 MST")


def is_true(value: Any) -> bool:
    """Return whether Go's ``if`` takes *value* as true."""
    return True if isinstance(value, Moment) else bool(value)


def shown(value: Any) -> str:
    """Return *value* as Go prints it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "<no value>"}[value]
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, dict):
        return "map[" + " ".join(f"{name}:{shown(value[name])}" for name in sorted(value)) + "]"
    return str(value)


def _float_text(value: float) -> str:
    if value != value:  # noqa: PLR0124 - NaN is what differs from itself
        return "NaN"
    if value in {float("inf"), float("-inf")}:
        return "+Inf" if value > 0 else "-Inf"
    mantissa, _, exponent = f"{value:.17e}".partition("e")
    if value and not _LEAST_EXPONENT <= int(exponent) < _MOST_EXPONENT:
        shortest = repr(float(value))
        mantissa, _, exponent = (shortest if "e" in shortest else f"{value:e}".rstrip("0")).partition("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent):+03d}"
    return value_text(value)


def to_text(value: Any) -> str:
    """Return *value* for a function that takes text.

    Raises:
        TypeError: it is no text.
    """
    if isinstance(value, str):
        return value
    msg = f"wrong type for value; expected string; got {_type_name(value)}"
    raise TypeError(msg)


def _type_name(value: Any) -> str:
    names = {bool: "bool", int: "int", float: "float64", dict: "map[string]string", Moment: "time.Time"}
    return names.get(type(value), "nil")


def to_int(value: Any) -> int:
    """Return *value* as a whole number, and 0 for what is none, as sprig does."""
    if isinstance(value, str):
        text = value.strip()
        try:
            return int(text, 0) if text.lstrip("+-")[:2].lower() == "0x" else int(text)
        except ValueError:
            return int(to_float(text)) if "." in text else 0
    if isinstance(value, int | float):
        return int(value)
    return 0


def to_float(value: Any) -> float:
    """Return *value* as a number, and 0 for what is none, as sprig does."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return 0.0
    return float(value) if isinstance(value, int | float) else 0.0
