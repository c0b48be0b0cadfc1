"""One trace, as a query sees it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from obskit.embedded.traces.traceql._structure import number

__all__ = ["Owner", "Span", "Trace"]

Attributes = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Owner:
    """What the spans of one batch share: their resource, or their instrumentation scope."""

    body: bytes
    attributes: Attributes
    name: str = ""
    version: str = ""

    @classmethod
    def of(cls, body: bytes) -> "Owner":
        """Return the owner whose stored JSON is *body*."""
        content = orjson.loads(body)
        return cls(body, _named(content), content.get("name", ""), content.get("version", ""))


@dataclass(slots=True)
class Span:
    """A span; its body is read only when a query asks for what is in it.

    Times are nanoseconds. *left*, *right* and *parent* number the tree of the trace and are
    0 for a span that hangs on none.
    """

    span_id: bytes
    parent_id: bytes
    name: str
    kind: int
    status: int
    start_ns: int
    duration_ns: int
    resource: Owner
    scope: Owner
    body: bytes
    left: int = 0
    right: int = 0
    parent: int = 0
    _content: dict[str, Any] | None = field(default=None, init=False)
    _attributes: Attributes | None = field(default=None, init=False)

    @property
    def content(self) -> dict[str, Any]:
        """The span as it is printed in a trace."""
        if self._content is None:
            self._content = orjson.loads(self.body)
        return self._content

    @property
    def attributes(self) -> Attributes:
        """Its attributes, by name, as the JSON of their values."""
        if self._attributes is None:
            self._attributes = _named(self.content)
        return self._attributes

    @property
    def status_message(self) -> str:
        """What goes with its status."""
        return str(self.content.get("status", {}).get("message", ""))

    def parts(self, name: str) -> Sequence[tuple[Mapping[str, Any], Attributes]]:
        """Return its ``events`` or its ``links`` with their attributes."""
        return [(part, _named(part)) for part in self.content.get(name, ())]


@dataclass(slots=True)
class Trace:
    """A trace and all of its spans; times are nanoseconds."""

    trace_id: bytes
    start_ns: int
    end_ns: int
    root_service: str
    root_name: str
    spans: list[Span]
    _numbered: bool = field(default=False, init=False)

    def with_structure(self) -> None:
        """Number the tree of its spans, once."""
        if not self._numbered:
            self._numbered = True
            number(self.spans)


def _named(content: Mapping[str, Any]) -> Attributes:
    return {entry["key"]: entry.get("value", {}) for entry in content.get("attributes", ())}
