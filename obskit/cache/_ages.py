"""How old cached entries are."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

__all__ = ["Ages"]


class Ages:
    """When this process stored the entries of a cache, for the *kept* latest of them."""

    def __init__(self, *, kept: int = 10_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._kept = kept
        self._clock = clock
        self._stored: OrderedDict[str, float] = OrderedDict()

    def stored(self, keys: Iterable[str]) -> None:
        """Note that *keys* were stored now."""
        now = self._clock()
        for key in keys:
            self._stored[key] = now
            self._stored.move_to_end(key)
        while len(self._stored) > self._kept:
            self._stored.popitem(last=False)

    def age(self, key: str) -> float | None:
        """Return how many seconds ago *key* was stored, or None if it was not by this process."""
        stored = self._stored.get(key)
        return None if stored is None else self._clock() - stored
