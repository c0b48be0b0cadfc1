"""Numbers as people read them, by Grafana's names of units."""

import json
import math
from dataclasses import dataclass

__all__ = ["Unit", "UnknownUnitError", "unit"]


class UnknownUnitError(ValueError):
    """A board names a unit that the console cannot write."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: from each *least* on, a value is divided by *by* and followed by *suffix*."""

    scale: tuple[tuple[float, float, str], ...]
    digits: int = 3

    def text(self, value: float | None, decimals: int | None = None) -> str:
        """Return *value* with its unit, such as ``1.25 ms``; ``-`` for none and NaN."""
        if value is None or math.isnan(value):
            return "-"
        if math.isinf(value):
            return "∞" if value > 0 else "-∞"
        size = abs(value)
        by, suffix = next(
            ((by, suffix) for least, by, suffix in reversed(self.scale) if size >= least),
            (self.scale[0][1], self.scale[0][2]),
        )
        return f"{_short(value / by, self.digits, decimals)}{suffix}"

    def javascript(self) -> str:
        """Return a JavaScript function that writes a value as :meth:`text` does."""
        scale = json.dumps([[least, by, suffix] for least, by, suffix in reversed(self.scale)])
        return (
            "(v => {if (v === null || v === undefined || Number.isNaN(v)) return '-';"
            f"const s = {scale};"
            "const [, by, suffix] = s.find(r => Math.abs(v) >= r[0]) || s[s.length - 1];"
            f"return String(parseFloat((v / by).toPrecision({self.digits}))) + suffix;}})"
        )


def _short(value: float, digits: int, decimals: int | None) -> str:
    if decimals is not None:
        return f"{value:.{decimals}f}"
    text = f"{value:.{digits}g}"
    # 1.23e+03 is no way to write what still is below the next step of the scale.
    return f"{float(text):.0f}" if "e+" in text else text


def _steps(suffix: str, base: float = 1000.0, names: tuple[str, ...] = ("", " K", " M", " G", " T")) -> Unit:
    return Unit(
        tuple((0.0 if not n else base**n, base**n, f"{name}{suffix}") for n, name in enumerate(names))
    )


_SECONDS = Unit(
    (
        (0.0, 1.0, " s"),
        (1e-12, 1e-9, " ns"),
        (1e-6, 1e-6, " µs"),
        (1e-3, 1e-3, " ms"),
        (1.0, 1.0, " s"),
        (60.0, 60.0, " min"),
        (3600.0, 3600.0, " h"),
        (86400.0, 86400.0, " d"),
    )
)
_MILLISECONDS = Unit(tuple((least * 1e3, by * 1e3, suffix) for least, by, suffix in _SECONDS.scale))
_BYTE_NAMES = (" B", " KiB", " MiB", " GiB", " TiB")

_UNITS = {
    "": _steps(""),
    "none": Unit(((0.0, 1.0, ""),), digits=6),
    "short": _steps(""),
    "s": _SECONDS,
    "ms": _MILLISECONDS,
    "percent": Unit(((0.0, 1.0, "%"),)),
    "percentunit": Unit(((0.0, 0.01, "%"),)),
    "bytes": _steps("", 1024.0, _BYTE_NAMES),
    "decbytes": _steps("", 1000.0, (" B", " kB", " MB", " GB", " TB")),
    "Bps": _steps("/s", 1024.0, _BYTE_NAMES),
    "binBps": _steps("/s", 1024.0, _BYTE_NAMES),
    "reqps": _steps(" req/s"),
    "ops": _steps(" ops/s"),
    "cps": _steps(" c/s"),
    "mps": _steps(" msg/s"),
    "rps": _steps(" reads/s"),
    "wps": _steps(" writes/s"),
    "eps": _steps(" events/s"),
    "bool": Unit(((0.0, 1.0, ""),)),
}


def unit(name: str | None) -> Unit:
    """Return the unit that Grafana calls *name*; ``suffix:x`` puts x behind the number.

    Raises:
        UnknownUnitError: the console cannot write it.
    """
    name = name or ""
    if name.startswith("suffix:"):
        return _steps(name.removeprefix("suffix:"))
    if name not in _UNITS:
        msg = f"The unit {name!r} cannot be written; known are {', '.join(sorted(filter(None, _UNITS)))}."
        raise UnknownUnitError(msg)
    return _UNITS[name]
