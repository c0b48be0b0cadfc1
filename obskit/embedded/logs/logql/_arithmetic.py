"""What an operator makes of two numbers, as Go computes it: nothing raises, bad results are NaN or infinite."""

import math
import operator
from collections.abc import Callable

__all__ = ["COMPARISONS", "calculate"]

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def calculate(op: str, left: float, right: float) -> float:
    """Return *left* *op* *right* for one of ``+ - * / % ^``."""
    return _OPERATIONS[op](left, right)


def _divide(left: float, right: float) -> float:
    return math.nan if right == 0 else left / right


def _remainder(left: float, right: float) -> float:
    return math.nan if right == 0 or math.isinf(left) else math.fmod(left, right)


def _power(base: float, exponent: float) -> float:
    try:
        return math.pow(base, exponent)
    except OverflowError:
        is_odd = exponent == int(exponent) and int(exponent) % 2 == 1
        return -math.inf if base < 0 and is_odd else math.inf
    except ValueError:
        return math.inf if base == 0 else math.nan


_OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "%": _remainder,
    "^": _power,
}
