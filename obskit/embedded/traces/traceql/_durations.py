"""Durations as Go and Prometheus write them, in nanoseconds."""

import re

__all__ = ["go_duration", "parse_duration", "parse_go_duration"]

_GO_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_DAY = 86_400_000_000_000
_PROMETHEUS_UNITS = _GO_UNITS | {"d": _DAY, "w": 7 * _DAY, "y": 365 * _DAY}
# Prometheus wants its units in this order, each once, and whole numbers.
_PROMETHEUS = re.compile(
    r"(?:(?P<y>\d+)y)?(?:(?P<w>\d+)w)?(?:(?P<d>\d+)d)?(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+)s)?(?:(?P<ms>\d+)ms)?",
    re.ASCII,
)
_GO_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_LARGEST = 2**63 - 1
_MS, _US, _S = 1_000_000, 1_000, 1_000_000_000


def parse_duration(text: str) -> int | None:
    """Return the nanoseconds of a TraceQL duration such as ``1h30m`` or ``1.5s``, or None."""
    found = _PROMETHEUS.fullmatch(text)
    if found and text:
        nanos = sum(int(number) * _PROMETHEUS_UNITS[unit] for unit, number in found.groupdict("0").items())
        return nanos if nanos <= _LARGEST else None
    return parse_go_duration(text)


def parse_go_duration(text: str) -> int | None:
    """Return the nanoseconds of what Go's ``time.ParseDuration`` takes, or None."""
    sign = -1 if text.startswith("-") else 1
    rest = text[1:] if text[:1] in {"-", "+"} else text
    if rest == "0":
        return 0
    nanos, at = 0.0, 0
    exact = 0
    while at < len(rest):
        part = _GO_PART.match(rest, at)
        if part is None:
            return None
        number, unit = part.groups()
        if number.isdigit():
            exact += int(number) * _GO_UNITS[unit]
        else:
            nanos += float(number) * _GO_UNITS[unit]
        at = part.end()
    total = exact + round(nanos)
    return sign * total if rest and total <= _LARGEST else None


def go_duration(nanos: int) -> str:
    """Return *nanos* as Go prints a duration: ``1h2m3.5s``, ``69ms``, ``0s``."""
    if nanos < 0:
        return "-" + go_duration(-nanos)
    if nanos < _S:
        return _below_a_second(nanos)
    seconds, fraction = divmod(nanos, _S)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(seconds, fraction, 9)}s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def _below_a_second(nanos: int) -> str:
    if not nanos:
        return "0s"
    if nanos < _US:
        return f"{nanos}ns"
    if nanos < _MS:
        return f"{_decimal(*divmod(nanos, _US), 3)}µs"
    return f"{_decimal(*divmod(nanos, _MS), 6)}ms"


def _decimal(whole: int, fraction: int, digits: int) -> str:
    return f"{whole}.{fraction:0{digits}d}".rstrip("0").rstrip(".") if fraction else str(whole)
