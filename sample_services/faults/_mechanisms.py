"""Every mechanism that a fault of a service can be made of, by the name that rows use."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from sample_services.faults._active import Mechanism
from sample_services.faults.cache import EmptyCache
from sample_services.faults.database import DropIndex, HoldConnections, LockWriter, LoseDatabase
from sample_services.faults.mail import ThrottleProvider
from sample_services.faults.messaging import Hang, Poison
from sample_services.faults.operations import Delay, Divert, Fail
from sample_services.faults.resilience import StormOfRetries
from sample_services.faults.runtime import BlockLoop, LeakMemory
from sample_services.faults.telemetry import FloodLog

__all__ = ["MECHANISMS", "Mechanisms"]


class Mechanisms:
    """Makes mechanisms from their names and options."""

    def __init__(self, kinds: Mapping[str, type[Mechanism]]) -> None:
        self._adapters: dict[str, TypeAdapter[Mechanism]] = {
            name: TypeAdapter(kind) for name, kind in kinds.items()
        }

    def make(self, name: str, options: Mapping[str, Any]) -> Mechanism:
        """Return the mechanism of that name.

        Raises:
            ValueError: there is none, or it does not take these options.
        """
        if name not in self._adapters:
            msg = f"there is no mechanism {name!r}; there are {', '.join(self._adapters)}"
            raise ValueError(msg)
        return self._adapters[name].validate_python(options)


MECHANISMS = Mechanisms(
    {
        "block-loop": BlockLoop,
        "delay": Delay,
        "divert": Divert,
        "drop-index": DropIndex,
        "empty-cache": EmptyCache,
        "fail": Fail,
        "flood-log": FloodLog,
        "hang": Hang,
        "hold-connections": HoldConnections,
        "leak-memory": LeakMemory,
        "lock-writer": LockWriter,
        "lose-database": LoseDatabase,
        "poison": Poison,
        "storm-of-retries": StormOfRetries,
        "throttle-provider": ThrottleProvider,
    }
)
"""What rows may name. A new one: a class in the file of its family, and a line here."""
