"""When the load generator sends what: decided by the seed, never by the answers."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

__all__ = ["MODES", "SKUS", "Arrival", "Mode", "arrivals"]

Mode = Literal["sync", "async"]

MODES: tuple[Mode, ...] = ("sync", "async")

SKUS = ("TEA-GREEN", "TEA-BLACK", "MUG-BLUE", "POT-CLAY")
"""What the load is about; CUP-GLASS is left to whoever wants to count the stock of one SKU."""

_MAX_QUANTITY = 3


@dataclass(frozen=True, slots=True)
class Arrival:
    """One order: *at_s* seconds after the start, in which mode, and for what."""

    at_s: float
    mode: Mode
    sku: str
    quantity: int


def arrivals(rate: float, modes: tuple[Mode, ...], seed: int) -> Iterator[Arrival]:
    """Yield an endless schedule of *rate* arrivals a second, the modes in turn.

    The gaps are exponential, as they are when many callers act on their own: arrivals
    cluster now and then, and queues show it.
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    at_s = 0.0
    for mode in itertools.cycle(modes):
        at_s += chance.expovariate(rate)
        yield Arrival(at_s, mode, chance.choice(SKUS), chance.randint(1, _MAX_QUANTITY))
