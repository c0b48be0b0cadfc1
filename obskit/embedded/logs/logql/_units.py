"""Reads and writes numbers, durations and sizes as Go and Prometheus do, because Loki's answers are made so."""

import re
from decimal import Decimal

__all__ = [
    "duration_text",
    "go_duration",
    "go_float",
    "prometheus_duration",
    "size_in_bytes",
    "value_text",
]

SECOND = 1_000_000_000
_GO_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3600 * SECOND,
}
_GO_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)([^\d.]*)")
_PROMETHEUS_UNITS = {
    "y": 365 * 86_400 * SECOND,
    "w": 7 * 86_400 * SECOND,
    "d": 86_400 * SECOND,
    "h": 3600 * SECOND,
    "m": 60 * SECOND,
    "s": SECOND,
    "ms": 1_000_000,
}
_PROMETHEUS = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?")
_FLOAT = re.compile(
    r"[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?)|[nN][aA][nN]"
)
_SIZE = re.compile(r"([\d.,]*)(.*)", re.DOTALL)
_MOST = 2**63 - 1
_MOST_BYTES = 2**64
_INTEGRAL = 1e15


def go_duration(text: str) -> int:
    """Return the nanoseconds of a duration such as ``1h30m`` or ``-1.5s``.

    Raises:
        ValueError: it is none; the text is Go's.
    """
    invalid = f'time: invalid duration "{text}"'
    body = text[1:] if text[:1] in {"-", "+"} else text
    if body == "0":
        return 0
    total, position = 0, 0
    while position < len(body):
        part = _GO_PART.match(body, position)
        if part is None:
            raise ValueError(invalid)
        number, unit = part.groups()
        if not unit:
            msg = f'time: missing unit in duration "{text}"'
            raise ValueError(msg)
        if unit not in _GO_UNITS:
            msg = f'time: unknown unit "{unit}" in duration "{text}"'
            raise ValueError(msg)
        total += int(Decimal(number) * _GO_UNITS[unit])
        position = part.end()
    if not body or total > _MOST:
        raise ValueError(invalid)
    return -total if text[0] == "-" else total


def prometheus_duration(text: str) -> int:
    """Return the nanoseconds of a duration such as ``5m`` or ``1d12h``.

    Raises:
        ValueError: it is none; the text is Prometheus'.
    """
    if text == "0":
        return 0
    if not text:
        msg = "empty duration string"
        raise ValueError(msg)
    match = _PROMETHEUS.fullmatch(text)
    if match is None:
        msg = f'not a valid duration string: "{text}"'
        raise ValueError(msg)
    parts = zip(match.groups(), _PROMETHEUS_UNITS.values(), strict=True)
    total = sum(int(number[:20]) * unit for number, unit in parts if number)
    if total > _MOST:
        msg = "duration out of range"
        raise ValueError(msg)
    return total


def duration_text(nanoseconds: int) -> str:
    """Write a duration as Prometheus does, such as ``30d1h``."""
    rest, parts = nanoseconds // 1_000_000, []
    if not rest:
        return "0s"
    for unit, size in _PROMETHEUS_UNITS.items():
        step = size // 1_000_000
        whole_only = unit in {"y", "w", "d"}
        if whole_only and unit != "d" and rest % step:
            continue
        count, rest = divmod(rest, step)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def _size_units() -> dict[str, int]:
    units = {"": 1, "b": 1}
    for power, letter in enumerate("kmgtpe", start=1):
        units |= {f"{letter}ib": 1024**power, f"{letter}i": 1024**power}
        units |= {f"{letter}b": 1000**power, letter: 1000**power}
    return units


_SIZE_UNITS = _size_units()


def size_in_bytes(text: str) -> int:
    """Return the bytes of a size such as ``10KB`` or ``1.5 MiB``.

    Raises:
        ValueError: it is none; the text is the one that Loki shows.
    """
    match = _SIZE.fullmatch(text)
    assert match is not None  # noqa: S101 - the expression takes every text; tells mypy
    number = go_float(match[1].replace(",", ""))
    unit = match[2].strip().lower()
    if unit not in _SIZE_UNITS:
        msg = f"unhandled size name: {unit}"
        raise ValueError(msg)
    size = number * _SIZE_UNITS[unit]
    if size >= _MOST_BYTES:
        msg = f"too large: {text}"
        raise ValueError(msg)
    return int(size)


def go_float(text: str) -> float:
    """Return the number that *text* is.

    Raises:
        ValueError: it is none, or too large; the text is Go's.
    """
    if not _FLOAT.fullmatch(text):
        msg = f'strconv.ParseFloat: parsing "{text}": invalid syntax'
        raise ValueError(msg)
    number = float(text)
    if number in {float("inf"), float("-inf")} and not text.lstrip("+-").lower().startswith("inf"):
        msg = f'strconv.ParseFloat: parsing "{text}": value out of range'
        raise ValueError(msg)
    return number


def value_text(value: float) -> str:
    """Write a sample's value as Prometheus does: never with an exponent."""
    if value != value:  # noqa: PLR0124 - NaN is what differs from itself
        return "NaN"
    if value in {float("inf"), float("-inf")}:
        return "+Inf" if value > 0 else "-Inf"
    if abs(value) < _INTEGRAL and value == int(value):
        return f"-{-int(value)}" if str(value)[0] == "-" else str(int(value))
    text = repr(value)
    return format(Decimal(text), "f").removesuffix(".0") if "e" in text else text.removesuffix(".0")
