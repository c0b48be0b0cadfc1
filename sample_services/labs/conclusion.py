"""The one line that a lab comes to, computed from its numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sample_services.labs.figures import FIGURES, Spread

__all__ = ["Contrast", "conclude"]


@dataclass(frozen=True, slots=True)
class Contrast:
    """What the conclusion speaks of: one figure, of the named *ways* or of all."""

    figure: str
    ways: tuple[str, ...] = ()


def conclude(contrasts: Sequence[Contrast], ways: Mapping[str, Mapping[str, Spread]]) -> str:
    """Return one sentence for each contrast, in one line."""
    return "; ".join(filter(None, (_sentence(contrast, ways) for contrast in contrasts))) + "."


def _sentence(contrast: Contrast, ways: Mapping[str, Mapping[str, Spread]]) -> str:
    """Name the ways from the least to the most, with the factor between neighbours that differ."""
    chosen = contrast.ways or tuple(ways)
    spreads = {name: ways[name][contrast.figure] for name in chosen if contrast.figure in ways[name]}
    if not spreads:
        return ""
    figure = FIGURES[contrast.figure]
    ordered = sorted(spreads, key=lambda name: spreads[name].median)
    least, most = spreads[ordered[0]], spreads[ordered[-1]]
    if least.median == most.median == 0:
        return f"{figure.title}: none, in any way"
    if least.overlaps(most):
        ranges = ", ".join(f"{name} {figure.range(spreads[name])}" for name in ordered)
        return f"{figure.title}: no difference ({ranges})"
    parts = [f"{ordered[0]} {figure.shown(least.median)}"]
    for before, name in pairwise(ordered):
        sign = "~" if spreads[before].overlaps(spreads[name]) else "<"
        parts.append(f"{sign} {name} {figure.shown(spreads[name].median)}")
    return f"{figure.title}: {' '.join(parts)}{_factor(least.median, most.median)}"


def _factor(least: float, most: float) -> str:
    return f", {most / least:.3g} times the least" if least > 0 else ""
