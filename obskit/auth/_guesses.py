"""Notices when one account, or one source, fails often in a short time."""

import hashlib
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

__all__ = ["Guesses"]


class Guesses:
    """Keeps when each subject failed, for *within_s* seconds, of at most *max_subjects* subjects.

    A subject is kept as a keyed hash whose key never leaves the process: a dump of the
    memory does not name the users, and nothing here is written anywhere.
    """

    def __init__(
        self,
        *,
        failures: int = 5,
        within_s: float = 300.0,
        max_subjects: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.failures = failures
        self.within_s = within_s
        self._max_subjects = max_subjects
        self._clock = clock
        self._key = secrets.token_bytes(16)
        self._lock = threading.Lock()
        self._failed: OrderedDict[bytes, deque[float]] = OrderedDict()

    def failed(self, subject: str) -> bool:
        """Note a failure of *subject*; return True for each *failures*-th one within the time."""
        now, hashed = self._clock(), self._hash(subject)
        with self._lock:
            times = self._failed.setdefault(hashed, deque())
            self._failed.move_to_end(hashed)
            if len(self._failed) > self._max_subjects:
                self._failed.popitem(last=False)
            while times and times[0] <= now - self.within_s:
                times.popleft()
            times.append(now)
            if len(times) < self.failures:
                return False
            times.clear()
            return True

    def passed(self, subject: str) -> None:
        """Forget the failures of *subject*: who gets in was only mistyping."""
        with self._lock:
            self._failed.pop(self._hash(subject), None)

    def _hash(self, subject: str) -> bytes:
        return hashlib.blake2b(subject.encode(errors="replace"), digest_size=16, key=self._key).digest()
