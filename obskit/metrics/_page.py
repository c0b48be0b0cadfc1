"""What one process, or many together, show: families with their samples, as plain values that fit into a file."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.samples import Exemplar, Sample

__all__ = ["Held", "Kept", "Key", "Page", "decode", "encode", "families", "how_to_merge", "merge", "page_of"]

Key = tuple[str, tuple[tuple[str, str], ...]]
"""Name and labels of one sample."""

_SUMMED = frozenset({"counter", "histogram", "gaugehistogram", "summary"})
_STATED = frozenset({"info", "stateset"})
_UNSAID = frozenset({"", "all", "liveall"})
_STEPS = 2.0**26
"""Parts of a sum are whole steps of 1/_STEPS (15 ns of a duration), which add up exactly in any order: Prometheus
takes a total that falls by its last bit for a restart, and counts all of it again."""
_MOST_STEPPED = 2.0**27
"""From here on a float has no room for all of these steps, and a value is taken as it is."""


@dataclass(slots=True)
class Held:
    """The value of one sample, when it was set if that matters, and the exemplar of a bucket or counter."""

    value: float
    at: float = 0.0
    exemplar: tuple[dict[str, str], float, float] | None = None


@dataclass(slots=True)
class Kept:
    """One family."""

    type: str
    help: str
    unit: str
    mode: str
    samples: dict[Key, Held] = field(default_factory=dict)


Page = dict[str, Kept]


def how_to_merge(name: str, kind: str, declared: str) -> str:
    """Return how values of processes become one: a ``multiprocess_mode`` of prometheus-client.

    Counters and histograms are summed, over dead processes too. A gauge is merged as it
    declares. One that declares nothing is summed over those that live, because that is
    right for what each process has its own of (requests, connections, memory); moments in
    time and ``_info`` are not added up.
    """
    if kind in _SUMMED:
        return "sum"
    if kind in _STATED:
        return "livemax"
    if declared not in _UNSAID:
        return declared
    if name.endswith("_timestamp_seconds"):
        return "max"
    return "livemax" if name.endswith(("_info", "_start_time_seconds")) else "livesum"


def page_of(
    collected: Iterable[Family], modes: Mapping[str, str], set_at: Mapping[Key, float] | None = None
) -> Page:
    """Return what a registry has *collected*; *modes* are what its gauges declare, *set_at* when they were set."""
    page: Page = {}
    for family in collected:
        mode = how_to_merge(family.name, family.type, modes.get(family.name, ""))
        kept = page.setdefault(
            family.name, Kept(family.type, family.documentation, getattr(family, "unit", ""), mode)
        )
        samples = kept.samples
        for name, labels, value, _, exemplar, *_ in family.samples:
            # _created doubles the series of a page and no board or rule of ours reads it.
            if name.endswith("_created"):
                continue
            key = (name, tuple(labels.items()))
            at = set_at.get(key, 0.0) if set_at else 0.0
            samples[key] = Held(float(value), at, _plain(exemplar) if exemplar else None)
    return page


def _plain(exemplar: Exemplar) -> tuple[dict[str, str], float, float]:
    return exemplar.labels, exemplar.value, float(exemplar.timestamp or 0.0)


def merge(live: Iterable[Page], dead: Iterable[Page]) -> Page:
    """Return one page for all processes."""
    merged: Page = {}
    for page in live:
        _add(merged, page, alive=True)
    for page in dead:
        _add(merged, page, alive=False)
    return merged


def _add(merged: Page, page: Page, *, alive: bool) -> None:
    for name, kept in page.items():
        if not alive and kept.mode.startswith("live"):
            continue
        into = merged.setdefault(name, Kept(kept.type, kept.help, kept.unit, kept.mode))
        if into.type != kept.type:  # two versions of the code for a moment, as in a rolling reload
            continue
        is_total = kept.type in _SUMMED
        for key, held in kept.samples.items():
            part = _in_steps(held) if is_total else held
            known = into.samples.get(key)
            into.samples[key] = part if known is None else _merged(into.mode, known, part)


def _in_steps(held: Held) -> Held:
    if held.value.is_integer() or not abs(held.value) < _MOST_STEPPED:
        return held
    return Held(math.floor(held.value * _STEPS) / _STEPS, held.at, held.exemplar)


def _merged(mode: str, one: Held, other: Held) -> Held:
    return Held(
        _value(mode.removeprefix("live"), one, other),
        max(one.at, other.at),
        max(one.exemplar, other.exemplar, key=_age) if one.exemplar or other.exemplar else None,
    )


def _value(mode: str, one: Held, other: Held) -> float:
    if mode == "mostrecent":
        return max(one, other, key=lambda held: held.at).value
    if mode == "max":
        return max(one.value, other.value)
    return min(one.value, other.value) if mode == "min" else one.value + other.value


def _age(exemplar: tuple[dict[str, str], float, float] | None) -> float:
    return exemplar[2] if exemplar is not None else 0.0


def families(page: Page) -> Iterator[Family]:
    """Yield *page* as prometheus-client's families."""
    for name, kept in page.items():
        family = Family(name, kept.help, kept.type, kept.unit)
        family.samples = [
            Sample(
                sample, dict(labels), held.value, None, Exemplar(*held.exemplar) if held.exemplar else None
            )
            for (sample, labels), held in kept.samples.items()
        ]
        yield family


def encode(page: Page) -> bytes:
    """Return *page* as JSON."""
    return orjson.dumps(
        [
            (
                name,
                kept.type,
                kept.help,
                kept.unit,
                kept.mode,
                [
                    (sample, labels, _finite(held.value), held.at, held.exemplar)
                    for (sample, labels), held in kept.samples.items()
                ],
            )
            for name, kept in page.items()
        ]
    )


def _finite(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)  # JSON has no NaN


def decode(text: bytes) -> Page:
    """Return the page that :func:`encode` made *text* of."""
    return {
        name: Kept(kind, help_, unit, mode, dict(_sample(*each) for each in samples))
        for name, kind, help_, unit, mode, samples in orjson.loads(text)
    }


def _sample(
    name: str, labels: list[list[str]], value: float | str, at: float, exemplar: Any
) -> tuple[Key, Held]:
    return (name, tuple((key, text) for key, text in labels)), Held(
        float(value), at, tuple(exemplar) if exemplar else None
    )
