"""Who is told of a page, and who next when nobody acknowledges it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

__all__ = ["Level", "Policy"]

_SCALED_LEAST_S = 1.0


@dataclass(frozen=True, slots=True)
class Level:
    """The notifiers, by name, that are told together, and the seconds that they have to acknowledge."""

    notify: tuple[str, ...]
    escalate_after_s: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The levels of an escalation, in order. It is for pages: tickets notify nobody."""

    levels: tuple[Level, ...]
    repeat: int = 2
    """How often the levels are gone through again after the first time."""
    acknowledge_timeout_s: float | None = None
    """Seconds after which an acknowledged incident that is not resolved triggers again; None is never."""

    @classmethod
    def everyone(cls, names: Sequence[str]) -> "Policy":
        """Return the policy without a file: all notifiers together, again every 5 minutes, twice."""
        return cls(levels=(Level(tuple(names)),))

    @property
    def steps(self) -> int:
        """How many times somebody is told until the escalation is at its end."""
        return len(self.levels) * (self.repeat + 1)

    @property
    def number(self) -> float:
        """A number that changes when the policy does, exact as a float."""
        text = repr((self.levels, self.repeat, self.acknowledge_timeout_s))
        return float(int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]))

    def scaled(self, scale: float) -> "Policy":
        """Return the policy with every wait divided by *scale*, but no wait under a second."""
        if scale == 1:
            return self
        timeout = self.acknowledge_timeout_s
        return replace(
            self,
            levels=tuple(
                replace(level, escalate_after_s=_scaled(level.escalate_after_s, scale))
                for level in self.levels
            ),
            acknowledge_timeout_s=None if timeout is None else _scaled(timeout, scale),
        )


def _scaled(seconds: float, scale: float) -> float:
    return max(_SCALED_LEAST_S, seconds / scale)
