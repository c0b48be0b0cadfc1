"""When the load generator sends what: decided by the seed, never by the answers."""

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sample_services.loadgen.journeys import Journey

__all__ = ["SKUS", "Arrival", "Rate", "arrivals"]

SKUS = ("TEA-GREEN", "TEA-BLACK", "MUG-BLUE", "POT-CLAY")
"""What the load is about; CUP-GLASS is left to whoever wants to count the stock of one SKU."""

_MAX_QUANTITY = 3


@dataclass(frozen=True, slots=True)
class Rate:
    """Arrivals a second: from *first* to *last*, in a straight line over *over_s* seconds, then *last*."""

    first: float
    last: float
    over_s: float = 0.0

    def at_s(self, count: float) -> float:
        """Return the second by which *count* arrivals are due."""
        ramped = (self.first + self.last) / 2 * self.over_s
        if count >= ramped:
            return self.over_s + (count - ramped) / self.last
        slope = (self.last - self.first) / self.over_s
        if slope == 0:
            return count / self.first
        return (math.sqrt(self.first**2 + 2 * slope * count) - self.first) / slope


@dataclass(frozen=True, slots=True)
class Arrival:
    """One call: *at_s* seconds after the start, on which journey, and for what."""

    at_s: float
    journey: Journey
    sku: str
    quantity: int


def arrivals(rate: Rate, weights: Mapping[Journey, int], seed: int) -> Iterator[Arrival]:
    """Yield an endless schedule, the journeys in turn, each as often as its weight says.

    The gaps are exponential, as they are when many callers act on their own: arrivals
    cluster now and then, and queues show it.
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    count = 0.0
    for journey in _in_turn(weights):
        count += chance.expovariate(1.0)
        yield Arrival(rate.at_s(count), journey, chance.choice(SKUS), chance.randint(1, _MAX_QUANTITY))


def _in_turn(weights: Mapping[Journey, int]) -> Iterator[Journey]:
    # Smooth weighted round robin: 5, 1, 1 gives a a b a c a a and not a a a a a b c.
    credit = dict.fromkeys(weights, 0)
    total = sum(weights.values())
    while True:
        for journey, weight in weights.items():
            credit[journey] += weight
        chosen = max(credit, key=credit.__getitem__)
        credit[chosen] -= total
        yield chosen
