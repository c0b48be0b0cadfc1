"""The storage half of a query: which attributes of a span its conditions make visible.

It does what Tempo's columns do. A condition reads one column: an intrinsic, an attribute
that has a column of its own, or the column of all other attributes of its type. Conditions
on one column are alternatives; what none of them matches is not visible.
"""

from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from obskit.embedded.traces.traceql._ast import Attribute, Intrinsic, Scope
from obskit.embedded.traces.traceql._columns import (
    DEDICATED_SPAN,
    NO_COLUMNS,
    WELL_KNOWN_RESOURCE,
    Columns,
    Found,
)
from obskit.embedded.traces.traceql._conditions import Condition
from obskit.embedded.traces.traceql._spans import Owner, Span, Trace
from obskit.embedded.traces.traceql._statics import NIL, Static, Type

__all__ = ["DEDICATED_SPAN", "WELL_KNOWN_RESOURCE", "Fetch", "Visible"]

_INTRINSIC_PLACES: Mapping[Intrinsic, tuple[Scope | str, ...]] = {
    Intrinsic.START_TIME: (),
    Intrinsic.STRUCTURE: (),
    Intrinsic.TRACE_DURATION: ("trace",),
    Intrinsic.TRACE_ROOT_NAME: ("trace",),
    Intrinsic.TRACE_ROOT_SERVICE: ("trace",),
    Intrinsic.TRACE_ID: ("trace",),
    Intrinsic.EVENT_NAME: (Scope.EVENT,),
    Intrinsic.EVENT_TIME_SINCE_START: (Scope.EVENT,),
    Intrinsic.LINK_TRACE_ID: (Scope.LINK,),
    Intrinsic.LINK_SPAN_ID: (Scope.LINK,),
    Intrinsic.INSTRUMENTATION_NAME: (Scope.INSTRUMENTATION,),
    Intrinsic.INSTRUMENTATION_VERSION: (Scope.INSTRUMENTATION,),
}
_NESTED = {Intrinsic.NESTED_SET_LEFT, Intrinsic.NESTED_SET_RIGHT, Intrinsic.NESTED_SET_PARENT}
_CHECKED = 64
_LOOKED_IN = (Scope.SPAN, Scope.RESOURCE, Scope.EVENT, Scope.LINK, Scope.INSTRUMENTATION)


@dataclass(slots=True)
class Visible:
    """A span and what of it was fetched."""

    span: Span
    attributes: dict[Scope, dict[str, Static]] = field(default_factory=dict)
    intrinsics: dict[Intrinsic, Static] = field(default_factory=dict)

    def get(self, attribute: Attribute) -> Static:
        """Return the value of *attribute*, NIL where it was not fetched."""
        if attribute.intrinsic is not None:
            return self.intrinsics.get(attribute.intrinsic, NIL)
        if attribute.scope is not Scope.NONE:
            return self.attributes.get(attribute.scope, {}).get(attribute.name, NIL)
        for scope in _LOOKED_IN:
            found = self.attributes.get(scope, {}).get(attribute.name)
            if found is not None:
                return found
        return NIL

    def add(self, scope: Scope, found: Found) -> None:
        """Add what was found in *scope*."""
        self.attributes[scope] = found.values
        if found.intrinsics:
            self.intrinsics |= found.intrinsics

    def values(self) -> bool:
        """Tell whether any value was fetched."""
        if self.intrinsics:
            return True
        groups = self.attributes.values()
        return any(static.type is not Type.NIL for group in groups for static in group.values())


class Fetch:
    """The first pass over the spans of a trace for *conditions*."""

    def __init__(self, conditions: Sequence[Condition], *, all_conditions: bool) -> None:
        groups: dict[Scope | str, list[Condition]] = {}
        mingled = False
        for condition in conditions:
            for place in _places(condition.attribute):
                groups.setdefault(place, []).append(condition)
            mingled |= condition.attribute.intrinsic is None and condition.attribute.scope is Scope.NONE
        # A condition without a scope may be met by the span or by its resource.
        self._strict = all_conditions and not mingled
        self._span = Columns(groups.get(Scope.SPAN, ()), DEDICATED_SPAN)
        resource = Columns(groups.get(Scope.RESOURCE, ()), WELL_KNOWN_RESOURCE)
        scope = Columns(groups.get(Scope.INSTRUMENTATION, ()), NO_COLUMNS)
        events = Columns(groups.get(Scope.EVENT, ()), NO_COLUMNS)
        links = Columns(groups.get(Scope.LINK, ()), NO_COLUMNS)
        # Only those that are asked for: this is looked at for every span.
        self._of_owners = [
            part
            for part in ((resource, Scope.RESOURCE, True), (scope, Scope.INSTRUMENTATION, False))
            if part[0]
        ]
        self._of_parts = [
            part for part in ((events, Scope.EVENT, "events"), (links, Scope.LINK, "links")) if part[0]
        ]
        self._trace = Columns(groups.get("trace", ()), NO_COLUMNS)
        self._needs_one = bool(conditions) and not groups.get("trace")
        asked = {condition.attribute.intrinsic for condition in conditions}
        self._started = Intrinsic.START_TIME in asked
        self._structured = bool(asked & (_NESTED | {Intrinsic.STRUCTURE}))
        self._more = sum((self._started, self._structured))

    def first_pass(self, trace: Trace, check: Callable[[], None]) -> list[Visible]:
        """Return the spans of *trace* that the query is evaluated on; *check* may end it."""
        if self._structured:
            trace.with_structure()
        of_trace = self._trace.find({}, _of_trace(trace).__getitem__) if self._trace else Found()
        if self._strict and not self._trace.satisfied(of_trace):
            return []
        resources: dict[int, Found] = {}
        scopes: dict[int, Found] = {}
        seen = []
        for place, span in enumerate(trace.spans):
            if not place % _CHECKED:
                check()
            visible = self._see(span, resources, scopes)
            if visible is not None:
                if of_trace.intrinsics:
                    visible.intrinsics = visible.intrinsics | of_trace.intrinsics
                seen.append(visible)
        return seen

    def second_pass(self, visible: Visible, trace: Trace) -> Visible:
        """Return *visible* with the selected attributes, for the answer."""
        if self._structured:
            trace.with_structure()
        more = self._see(visible.span, {}, {}, needed=False)
        assert more is not None  # noqa: S101 - nothing is needed; tells mypy
        for scope, group in visible.attributes.items():
            kept = {name: static for name, static in group.items() if static.type is not Type.NIL}
            more.attributes.setdefault(scope, {}).update(kept)
        more.intrinsics |= visible.intrinsics
        return more

    def _see(
        self, span: Span, resources: dict[int, Found], scopes: dict[int, Found], *, needed: bool = True
    ) -> Visible | None:
        strict = self._strict and needed
        visible = Visible(span)
        if self._span:
            attributes = span.attributes if self._span.attributes_asked else {}
            found = self._span.find(attributes, lambda intrinsic: _SPAN[intrinsic](span))
            if strict and not self._span.satisfied(found, self._more):
                return None
            visible.attributes[Scope.SPAN] = found.values
            visible.intrinsics = found.intrinsics
        for columns, scope, is_resource in self._of_owners:
            owner, known = (span.resource, resources) if is_resource else (span.scope, scopes)
            found = _shared(columns, owner, known)
            if strict and not columns.satisfied(found, count_nil=True):
                return None
            visible.add(scope, found)
        for columns, scope, name in self._of_parts:
            parts = self._parts(columns, span, name)
            if parts is None and strict:
                return None
            visible.add(scope, parts or Found())
        if needed and self._needs_one and not (self._always(span) or visible.values()):
            return None
        return visible

    def _always(self, span: Span) -> bool:
        return (self._started and span.start_ns != 0) or (self._structured and span.left != 0)

    def _parts(self, columns: Columns, span: Span, name: str) -> Found | None:
        """Return what the events or links of *span* have; None when all must match and none does."""
        together, matched = Found(), False
        for part, attributes in span.parts(name):
            found = columns.find(attributes, _of_part(span, part, name))
            if self._strict and not columns.satisfied(found):
                continue
            matched = True
            _keep_first(together.values, found.values)
            _keep_first(together.intrinsics, found.intrinsics)
        return together if matched or not self._strict else None


def _shared(columns: Columns, owner: Owner, known: dict[int, Found]) -> Found:
    found = known.get(id(owner))
    if found is None:
        found = known[id(owner)] = columns.find(owner.attributes, _of_owner(owner).__getitem__)
    return found


def _places(attribute: Attribute) -> tuple[Scope | str, ...]:
    if attribute.intrinsic is not None:
        return _INTRINSIC_PLACES.get(attribute.intrinsic, (Scope.SPAN,))
    return (Scope.SPAN, Scope.RESOURCE) if attribute.scope is Scope.NONE else (attribute.scope,)


def _keep_first(together: dict[Any, Static], found: Mapping[Any, Static]) -> None:
    for name, static in found.items():
        if together.get(name, NIL).type is Type.NIL:
            together[name] = static


def _of_trace(trace: Trace) -> dict[Intrinsic, Any]:
    return {
        Intrinsic.TRACE_DURATION: max(trace.end_ns - trace.start_ns, 0),
        Intrinsic.TRACE_ROOT_NAME: trace.root_name,
        Intrinsic.TRACE_ROOT_SERVICE: trace.root_service,
        Intrinsic.TRACE_ID: trace.trace_id.hex().lstrip("0"),
    }


def _of_owner(owner: Owner) -> dict[Intrinsic, Any]:
    return {
        Intrinsic.INSTRUMENTATION_NAME: owner.name,
        Intrinsic.INSTRUMENTATION_VERSION: owner.version,
    }


def _of_part(span: Span, part: Mapping[str, Any], name: str) -> Callable[[Intrinsic], Any]:
    if name == "events":
        since = int(part.get("timeUnixNano", 0)) - span.start_ns
        values = {Intrinsic.EVENT_NAME: part.get("name", ""), Intrinsic.EVENT_TIME_SINCE_START: since}
    else:
        values = {
            Intrinsic.LINK_TRACE_ID: _hex(part.get("traceId", "")).lstrip("0"),
            Intrinsic.LINK_SPAN_ID: _hex(part.get("spanId", "")),
        }
    return values.__getitem__


def _hex(text: str) -> str:
    return b64decode(text).hex()


_SPAN: dict[Intrinsic, Callable[[Span], Any]] = {
    Intrinsic.NAME: lambda span: span.name,
    Intrinsic.KIND: lambda span: span.kind,
    Intrinsic.STATUS: lambda span: span.status,
    Intrinsic.STATUS_MESSAGE: lambda span: span.status_message,
    Intrinsic.DURATION: lambda span: span.duration_ns,
    Intrinsic.SPAN_ID: lambda span: span.span_id.hex(),
    Intrinsic.PARENT_ID: lambda span: span.parent_id.hex(),
    Intrinsic.NESTED_SET_LEFT: lambda span: span.left,
    Intrinsic.NESTED_SET_RIGHT: lambda span: span.right,
    Intrinsic.NESTED_SET_PARENT: lambda span: span.parent,
}
