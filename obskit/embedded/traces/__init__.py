"""The embedded trace store: takes OTLP, answers Tempo's query API, for one machine.

It keeps spans in SQLite, answers a trace by its id, searches by tags and by TraceQL, and
counts who calls whom as Tempo's generator does. What only Tempo can do is refused with a
400 that says so.
"""

from obskit.embedded.traces._backend import TraceBackend
from obskit.embedded.traces._clock import Clock
from obskit.embedded.traces._store import Retention

__all__ = ["Clock", "Retention", "TraceBackend"]
