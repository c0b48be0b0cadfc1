"""Runs a lab: every way gets the same load, in turn, several times over."""

import asyncio
import itertools
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sample_services.labs.bench import Bench, Options
from sample_services.labs.conclusion import Contrast, conclude
from sample_services.labs.figures import Spread, spread_of
from sample_services.labs.load import Call, Offer

__all__ = ["Finding", "Lab", "Measured", "Result", "Stand", "Way", "run_lab"]

_WARM_CALLS = 3
_SHARED = ("cpu_s", "queries", "messages", "bytes", "attempts")
"""Counters that are shown for each call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way of doing it; *what* says how, in a few words.

    *before* puts things in order before each repetition. *during* goes on beside the load
    and gets its length in seconds. *after* returns figures that are known only when all the
    work is done.
    """

    name: str
    what: str
    call: Call
    before: Callable[[], Awaitable[None]] | None = None
    during: Callable[[float], Coroutine[None, None, None]] | None = None
    after: Callable[[], Awaitable[Mapping[str, float]]] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a lab found beside its figures: one sentence, and its numbers."""

    sentence: str
    numbers: Mapping[str, object]


Find = Callable[[], Awaitable[Finding]]


@dataclass(slots=True)
class Stand:
    """A lab that is set up: its ways, and what it looks at when all of them are measured."""

    ways: Sequence[Way]
    find: Find | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """One lab: its question, the load, the ways, and what the conclusion speaks of."""

    name: str
    question: str
    ways: tuple[str, ...]
    rate: float
    """Calls a second."""
    seconds: float
    """Of one repetition of one way."""
    contrasts: tuple[Contrast, ...]
    stand: Callable[[Bench], AbstractAsyncContextManager[Stand]]
    """Sets everything up, and takes it down."""
    remark: Callable[[Mapping[str, Mapping[str, Spread]]], str] | None = None
    """Says what follows from the figures, where that is more than which is larger."""
    least_seconds: float = 0.0
    """Less is not enough for what goes on during the load."""

    @property
    def whole_s(self) -> float:
        """Seconds that its three repetitions take at least."""
        return 3 * len(self.ways) * self.seconds


@dataclass(slots=True)
class Measured:
    """What was measured of one way."""

    way: Way
    repetitions: list[dict[str, float]] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)

    def spreads(self) -> dict[str, Spread]:
        """Return the spread of every figure that each repetition has."""
        names = [name for name in self.repetitions[0] if all(name in row for row in self.repetitions)]
        return {name: spread_of([row[name] for row in self.repetitions]) for name in names}


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a lab."""

    lab: Lab
    rate: float
    seconds: float
    order: tuple[str, ...]
    """The ways as they were measured, one after the other."""
    measured: Mapping[str, Measured]
    finding: Finding | None

    @property
    def conclusion(self) -> str:
        """One line, computed from the numbers."""
        spreads = {name: each.spreads() for name, each in self.measured.items()}
        remark = self.lab.remark(spreads) if self.lab.remark else ""
        found = self.finding.sentence if self.finding else ""
        return " ".join(filter(None, (conclude(self.lab.contrasts, spreads), remark, found)))


async def run_lab(lab: Lab, options: Options, report: Callable[[str], None]) -> Result:
    """Set *lab* up, measure every way, take everything down, and return what came of it.

    Raises:
        LabError: something that the lab needs is missing or does not start.
    """
    with _folder() as home:
        bench = Bench(home, options, lab.name)
        try:
            report("setting up")
            async with lab.stand(bench) as stand:
                return await _measure(lab, bench, stand, report)
        finally:
            await bench.processes.close()


async def _measure(lab: Lab, bench: Bench, stand: Stand, report: Callable[[str], None]) -> Result:
    options = bench.options
    rate = options.rate or lab.rate
    seconds = max(options.seconds or lab.seconds, lab.least_seconds)
    measured = {way.name: Measured(way) for way in stand.ways}
    numbers = itertools.count()
    for way in stand.ways:
        await _warm(bench, way, numbers)
    order = []
    for repetition in range(options.repetitions):
        for way in _in_turn(stand.ways, repetition):
            report(f"repetition {repetition + 1} of {options.repetitions}: {way.name}")
            first = next(numbers)
            offer = Offer(way.call, rate, seconds, repetition + 1, first, bench.watch(way.name))
            row = await _repetition(bench, way, offer)
            numbers = itertools.count(first + offer.tally.sent)
            measured[way.name].repetitions.append(row)
            measured[way.name].errors.update(offer.tally.errors)
            order.append(way.name)
    if stand.find is not None:
        report("looking at what is left")
    finding = await stand.find() if stand.find else None
    return Result(lab, rate, seconds, tuple(order), measured, finding)


async def _warm(bench: Bench, way: Way, numbers: Iterator[int]) -> None:
    """Make a few calls that are not measured: the first ones pay for what all later ones use."""
    if way.before is not None:
        await way.before()
    for number in itertools.islice(numbers, _WARM_CALLS):
        offer = Offer(way.call, 1.0, 0.0, 0, number, bench.watch(way.name))
        await offer.once()
    if way.after is not None:
        await way.after()


async def _repetition(bench: Bench, way: Way, offer: Offer) -> dict[str, float]:
    if way.before is not None:
        await way.before()
    before = await bench.read()
    during = asyncio.create_task(way.during(offer.seconds)) if way.during else None
    try:
        took_s = await offer.run()
    finally:
        if during is not None:
            await during
    # What a call leaves to be done costs too.
    later = await way.after() if way.after else {}
    after = await bench.read()
    return {**_figures(offer, took_s, before, after), **later}


def _figures(
    offer: Offer, took_s: float, before: Mapping[str, float], after: Mapping[str, float]
) -> dict[str, float]:
    tally = offer.tally
    calls = max(1, tally.sent)
    waits = {f"p{share}_s": tally.from_schedule.quantile(share / 100) or 0.0 for share in (50, 95, 99)}
    counted = {
        name: round((after[name] - before.get(name, 0.0)) / calls, 6) for name in _SHARED if name in after
    }
    totals = {"sent": float(tally.sent), "failed": float(tally.errors.total())}
    return {**waits, "per_s": round(tally.ok / took_s, 3), **totals, **counted}


def _in_turn(ways: Sequence[Way], repetition: int) -> Sequence[Way]:
    """Return *ways*, each time beginning with another: none is always the one that comes after a rest."""
    first = repetition % len(ways)
    return [*ways[first:], *ways[:first]]


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="obskit-lab-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        for folder in ("data", "logs"):
            (home / folder).mkdir()
        yield home
