"""What the operators of TraceQL come to, for two values whose types are known only now."""

import math
import operator
from collections.abc import Callable
from typing import Any

from obskit.embedded.traces.traceql._statics import ELEMENT_OF, NUMERIC, Static, Type
from obskit.embedded.traces.traceql._strings import matcher

__all__ = ["ARITHMETIC", "FALSE", "FLIPPED", "TRUE", "apply", "compare", "predicate"]

TRUE = Static(Type.BOOLEAN, True)
FALSE = Static(Type.BOOLEAN, False)
ARITHMETIC = frozenset("+-*/%^")
FLIPPED = {">": "<", ">=": "<=", "<": ">", "<=": ">="}

_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda value, values: value in values,
    "not in": lambda value, values: value not in values,
    "=~": lambda value, pattern: matcher(pattern)(value),
    "!~": lambda value, pattern: not matcher(pattern)(value),
    "match any": lambda value, patterns: any(matcher(pattern)(value) for pattern in patterns),
    "match none": lambda value, patterns: not any(matcher(pattern)(value) for pattern in patterns),
}
_NEGATIVE = frozenset({"!=", "!~", "not in", "match none"})
_WITH_ARRAYS = frozenset({"in", "not in", "match any", "match none"})
_MAX_EXPONENT = 64


def predicate(op: str, operand: Any) -> Callable[[Any], bool]:
    """Return the test ``value op operand`` on the bare values of one column."""
    test = _TESTS[op]
    if op in {"=~", "!~"}:
        matches = matcher(operand)
        return matches if op == "=~" else lambda value: not matches(value)
    return lambda value: test(value, operand)


def compare(op: str, left: Static, right: Static) -> bool:
    """Return whether ``left op right``; False when the types do not fit or a value is not there.

    An array matches when one of its values does; under a negative operator when all of them do.
    """
    left_type, right_type = left.type, right.type
    if Type.NIL in {left_type, right_type}:
        return False
    if op in _WITH_ARRAYS:
        right_type = ELEMENT_OF[right_type]
    elif right_type in ELEMENT_OF and left_type not in ELEMENT_OF:
        return compare(FLIPPED.get(op, op), right, left)
    if left_type in ELEMENT_OF:
        element = ELEMENT_OF[left_type]
        found = (compare(op, Static(element, item), right) for item in left.value)
        return all(found) if op in _NEGATIVE else any(found)
    if left_type is not right_type and not (left_type in NUMERIC and right_type in NUMERIC):
        return False
    if op in FLIPPED and left_type not in NUMERIC and left_type is not Type.STRING:
        return False
    return _TESTS[op](left.value, right.value)


def apply(op: str, left: Static, right: Static) -> Static:
    """Return ``left op right`` for arithmetic; False, as in Tempo, for what are no numbers."""
    if left.type not in NUMERIC or right.type not in NUMERIC:
        return FALSE
    whole = left.type is Type.INT and right.type is Type.INT
    try:
        result = _whole(op, left.value, right.value) if whole else _real(op, left.value, right.value)
    except (ArithmeticError, ValueError):
        return FALSE
    return Static(Type.INT if isinstance(result, int) else Type.FLOAT, result)


def _whole(op: str, left: int, right: int) -> int | float:
    match op:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            quotient = abs(left) // abs(right)
            return quotient if (left < 0) == (right < 0) else -quotient
        case "%":
            return int(math.copysign(abs(left) % abs(right), left)) if abs(left) < 2**53 else left % right
        case _:
            return left**right if 0 <= right <= _MAX_EXPONENT else float(left) ** right


def _real(op: str, left: float, right: float) -> float:
    match op:
        case "+":
            return float(left) + right
        case "-":
            return float(left) - right
        case "*":
            return float(left) * right
        case "/":
            return float(left) / right
        case "%":
            return math.fmod(left, right)
        case _:
            return math.pow(left, right)
