"""The columns of Tempo's storage, as far as a query can tell them apart.

An intrinsic has a column, a few well-known attributes have one each, and all others share
one column for each type: a condition with a whole number reads whole numbers only.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from obskit.embedded.traces.traceql._ast import INTRINSIC_TYPES, Intrinsic
from obskit.embedded.traces.traceql._conditions import Condition
from obskit.embedded.traces.traceql._errors import QueryError
from obskit.embedded.traces.traceql._operators import predicate
from obskit.embedded.traces.traceql._statics import (
    ELEMENT_OF,
    NIL,
    NIL_TEXT,
    Static,
    Type,
    static_of,
)

__all__ = ["DEDICATED_SPAN", "NO_COLUMNS", "WELL_KNOWN_RESOURCE", "Columns", "Found"]

Test = Callable[[Any], bool]

DEDICATED_SPAN: Mapping[str, Type] = {
    "http.request.method": Type.STRING,
    "url.path": Type.STRING,
    "url.route": Type.STRING,
    "server.address": Type.STRING,
    "http.method": Type.STRING,
    "http.url": Type.STRING,
    "http.route": Type.STRING,
    "http.status_code": Type.INT,
}
"""Attributes of a span that Tempo 3.0 keeps in columns of their own."""
WELL_KNOWN_RESOURCE: Mapping[str, Type] = dict.fromkeys(
    (
        "service.name",
        "cluster",
        "namespace",
        "pod",
        "container",
        "k8s.cluster.name",
        "k8s.namespace.name",
        "k8s.pod.name",
        "k8s.container.name",
    ),
    Type.STRING,
)
"""Attributes of a resource that Tempo 3.0 keeps in columns of their own."""
NO_COLUMNS: Mapping[str, Type] = {}

_IDS = {
    Intrinsic.SPAN_ID,
    Intrinsic.PARENT_ID,
    Intrinsic.TRACE_ID,
    Intrinsic.LINK_TRACE_ID,
    Intrinsic.LINK_SPAN_ID,
}
_ALWAYS_THERE = "service.name"


@dataclass(slots=True)
class Found:
    """What the conditions of one place found; *met* when every column that they read had something."""

    values: dict[str, Static] = field(default_factory=dict)
    intrinsics: dict[Intrinsic, Static] = field(default_factory=dict)
    met: bool = True


class Columns:
    """The columns that *conditions* read; *own* names the attributes with a column of their own."""

    def __init__(self, conditions: Sequence[Condition], own: Mapping[str, Type]) -> None:
        self._conditions = conditions
        self._own_types = own
        self._intrinsics: dict[Intrinsic, list[Test | None]] = {}
        self._own: dict[str, list[Condition]] = {}
        self._shared: set[str] = set()
        self._missing: set[str] = set()
        self._tests: dict[Type, list[Test | None]] = {}
        for condition in conditions:
            self._sort(condition)
        self._distinct = len({condition.attribute.name for condition in conditions})
        self.attributes_asked = bool(self._own or self._shared or self._missing)

    def __bool__(self) -> bool:
        return bool(self._conditions)

    def find(
        self, attributes: Mapping[str, Mapping[str, Any]], value_of: Callable[[Intrinsic], Any]
    ) -> Found:
        """Return what the conditions find among *attributes* and what *value_of* returns."""
        found = Found()
        for intrinsic, tests in self._intrinsics.items():
            value = value_of(intrinsic)
            if any(test is None or test(value) for test in tests):
                kind = INTRINSIC_TYPES.get(intrinsic, Type.STRING)
                found.intrinsics[intrinsic] = Static(Type.STRING if kind is Type.ATTRIBUTE else kind, value)
            else:
                found.met = False
        for name, conditions in self._own.items():
            self._find_own(name, conditions, attributes.get(name), found)
        if self._shared or self._missing:
            self._find_shared(attributes, found)
        return found

    def satisfied(self, found: Found, more: int = 0, *, count_nil: bool = False) -> bool:
        """Tell whether *found* meets all conditions; *more* were met elsewhere."""
        if not self._conditions:
            return True
        if not found.met:
            return False
        values = len(found.values)
        if not count_nil:
            for static in found.values.values():
                if static.type is Type.NIL:
                    values -= 1
        return values + len(found.intrinsics) + more >= self._distinct

    def _sort(self, condition: Condition) -> None:
        attribute, operand = condition.attribute, condition.operand
        if attribute.intrinsic is not None:
            test = _intrinsic_test(attribute.intrinsic, condition)
            self._intrinsics.setdefault(attribute.intrinsic, []).append(test)
            return
        own = self._own_types.get(attribute.name)
        if own is not None and (operand is None or _element(operand.type) is own):
            self._own.setdefault(attribute.name, []).append(condition)
        elif condition.op == "missing":
            self._missing.add(attribute.name)
        else:
            self._shared.add(attribute.name)
            self._sort_shared(condition)

    def _sort_shared(self, condition: Condition) -> None:
        if condition.operand is None:
            for kind in (Type.STRING, Type.INT, Type.FLOAT, Type.BOOLEAN):
                self._tests.setdefault(kind, []).append(None)
        elif (kind := _element(condition.operand.type)) in {Type.STRING, Type.INT, Type.FLOAT, Type.BOOLEAN}:
            self._tests.setdefault(kind, []).append(predicate(condition.op, condition.operand.value))

    def _find_own(
        self, name: str, conditions: Sequence[Condition], value: Mapping[str, Any] | None, found: Found
    ) -> None:
        static = NIL if value is None else static_of(value)
        if static.type is not self._own_types[name]:
            static = Static(Type.STRING, "") if name == _ALWAYS_THERE else NIL
        passed = [_passes(condition, static) for condition in conditions]
        if any(passed):
            found.values[name] = NIL_TEXT if static is NIL else static
        found.met &= any(passed) if self._own_types is DEDICATED_SPAN else all(passed)

    def _find_shared(self, attributes: Mapping[str, Mapping[str, Any]], found: Found) -> None:
        rows = 0
        for name in self._shared:
            value = attributes.get(name)
            if value is None:
                continue
            static = static_of(value)
            if static.type is not Type.NIL and static.type is self._own_types.get(name):
                continue
            static = self._visible(static)
            # With one type asked for, Tempo joins key and value; with several, the key is enough.
            if static.type is not Type.NIL or len(self._tests) > 1:
                rows += 1
            found.values[name] = static
        found.met &= rows > 0 or not self._shared or not self._tests
        for name in self._missing:
            if name in attributes:
                found.met = False
            else:
                found.values[name] = NIL_TEXT

    def _visible(self, static: Static) -> Static:
        tests = self._tests.get(_element(static.type))
        if tests is None:
            return NIL
        if None in tests:
            return static
        if static.type not in ELEMENT_OF:
            return static if any(test(static.value) for test in tests if test) else NIL
        kept = tuple(item for item in static.value if any(test(item) for test in tests if test))
        if len(kept) == 1:
            return Static(ELEMENT_OF[static.type], kept[0])
        return Static(static.type, kept) if kept else NIL


def _passes(condition: Condition, static: Static) -> bool:
    match condition.op:
        case "none":
            return True
        case "exists":
            return static is not NIL
        case "missing":
            return static is NIL
        case op:
            assert condition.operand is not None  # noqa: S101 - every other operator has one; tells mypy
            return static is not NIL and predicate(op, condition.operand.value)(static.value)


def _intrinsic_test(intrinsic: Intrinsic, condition: Condition) -> Test | None:
    if condition.operand is None:
        return None
    if intrinsic in _IDS and condition.op not in {"=", "!=", "in", "not in"}:
        msg = f"operator {condition.op} is not supported for {intrinsic.value}; use = or !="
        raise QueryError(msg)
    textual = INTRINSIC_TYPES.get(intrinsic, Type.STRING) in {Type.STRING, Type.ATTRIBUTE}
    if textual != (_element(condition.operand.type) is Type.STRING):
        msg = f"operand of {intrinsic.value} {condition.op} has the wrong type: {condition.operand.text()}"
        raise QueryError(msg)
    return predicate(condition.op, condition.operand.value)


def _element(kind: Type) -> Type:
    return ELEMENT_OF.get(kind, kind)
