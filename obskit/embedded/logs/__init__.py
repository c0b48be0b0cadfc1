"""The log side of the embedded backend: keeps logs of one machine in SQLite and answers Loki's API."""

from obskit.embedded.logs._backend import LogBackend
from obskit.embedded.logs._retention import Retention
from obskit.embedded.logs._shipper import Shipper

__all__ = ["LogBackend", "Retention", "Shipper"]
