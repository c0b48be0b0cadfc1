"""The nodes of a query. They are made by :mod:`_build`, which checks their types first."""

from dataclasses import dataclass, field
from enum import StrEnum

from obskit.embedded.traces.traceql._statics import Static, Type

__all__ = [
    "INTRINSIC_TYPES",
    "Aggregate",
    "Attribute",
    "Binary",
    "Expression",
    "Filter",
    "Intrinsic",
    "Literal",
    "Logic",
    "Pipeline",
    "ScalarFilter",
    "Scope",
    "Select",
    "SpansetExpression",
    "SpansetOperation",
    "Stage",
    "Unary",
]


class Scope(StrEnum):
    """Where an attribute lives; NONE looks in all places, the span first."""

    NONE = ""
    RESOURCE = "resource"
    SPAN = "span"
    EVENT = "event"
    LINK = "link"
    INSTRUMENTATION = "instrumentation"


class Intrinsic(StrEnum):
    """What every span, trace, event or link has, by the name that Tempo prints."""

    DURATION = "duration"
    NAME = "name"
    STATUS = "status"
    STATUS_MESSAGE = "statusMessage"
    KIND = "kind"
    SPAN_ID = "span:id"
    PARENT_ID = "span:parentID"
    NESTED_SET_LEFT = "nestedSetLeft"
    NESTED_SET_RIGHT = "nestedSetRight"
    NESTED_SET_PARENT = "nestedSetParent"
    TRACE_DURATION = "traceDuration"
    TRACE_ROOT_NAME = "rootName"
    TRACE_ROOT_SERVICE = "rootServiceName"
    TRACE_ID = "trace:id"
    EVENT_NAME = "event:name"
    EVENT_TIME_SINCE_START = "event:timeSinceStart"
    LINK_TRACE_ID = "link:traceID"
    LINK_SPAN_ID = "link:spanID"
    INSTRUMENTATION_NAME = "instrumentation:name"
    INSTRUMENTATION_VERSION = "instrumentation:version"
    # Tempo's engine asks its storage for these; a query cannot name them.
    START_TIME = "spanStartTime"
    STRUCTURE = "structure"


INTRINSIC_TYPES = {
    Intrinsic.DURATION: Type.DURATION,
    Intrinsic.TRACE_DURATION: Type.DURATION,
    Intrinsic.EVENT_TIME_SINCE_START: Type.DURATION,
    Intrinsic.STATUS: Type.STATUS,
    Intrinsic.KIND: Type.KIND,
    Intrinsic.NESTED_SET_LEFT: Type.INT,
    Intrinsic.NESTED_SET_RIGHT: Type.INT,
    Intrinsic.NESTED_SET_PARENT: Type.INT,
    Intrinsic.INSTRUMENTATION_NAME: Type.ATTRIBUTE,
    Intrinsic.INSTRUMENTATION_VERSION: Type.ATTRIBUTE,
}
"""The types of the intrinsics that are not strings."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """``span.http.route``, ``.mode`` or, with *intrinsic*, ``duration``."""

    scope: Scope
    name: str
    intrinsic: Intrinsic | None = None
    depth: int = field(default=1, compare=False)

    @property
    def type(self) -> Type:
        """The type that the text of a query gives it."""
        return Type.ATTRIBUTE if self.intrinsic is None else INTRINSIC_TYPES.get(self.intrinsic, Type.STRING)

    @classmethod
    def of(cls, intrinsic: Intrinsic) -> "Attribute":
        """Return the attribute that stands for *intrinsic*."""
        return cls(Scope.NONE, intrinsic.value, intrinsic)

    def __str__(self) -> str:
        if self.intrinsic is not None:
            return self.name
        return f"{self.scope.value}.{self.name}"


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that the query writes down."""

    static: Static
    depth: int = field(default=1, compare=False)

    @property
    def type(self) -> Type:
        """The type of the value."""
        return self.static.type

    def __str__(self) -> str:
        return f"`{self.static.value}`" if self.static.type is Type.STRING else self.static.text()


@dataclass(frozen=True, slots=True)
class Binary:
    """A comparison or arithmetic; *op* is ``in``, ``not in``, ``match any`` or ``match none`` after folding."""

    op: str
    left: "Expression"
    right: "Expression"
    type: Type
    depth: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return f"{_wrapped(self.left)} {self.op} {_wrapped(self.right)}"


@dataclass(frozen=True, slots=True)
class Logic:
    """``a && b && c`` or ``a || b || c``."""

    op: str
    operands: tuple["Expression", ...]
    depth: int = field(default=1, compare=False)

    @property
    def type(self) -> Type:
        """Always a boolean."""
        return Type.BOOLEAN

    def __str__(self) -> str:
        return f" {self.op} ".join(_wrapped(operand) for operand in self.operands)


@dataclass(frozen=True, slots=True)
class Unary:
    """``!a``, ``-a``, ``a != nil`` (*op* ``exists``) or ``a = nil`` (``missing``)."""

    op: str
    operand: "Expression"
    type: Type
    depth: int = field(default=1, compare=False)

    def __str__(self) -> str:
        if self.op in {"exists", "missing"}:
            return f"{_wrapped(self.operand)} {'!=' if self.op == 'exists' else '='} nil"
        return f"{self.op}{_wrapped(self.operand)}"


Expression = Attribute | Literal | Binary | Logic | Unary


@dataclass(frozen=True, slots=True)
class Filter:
    """``{ ... }``."""

    expression: Expression
    depth: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return f"{{ {self.expression} }}"


@dataclass(frozen=True, slots=True)
class SpansetOperation:
    """Two sets of spans of a trace and how they must relate, such as ``{ } >> { }``."""

    op: str
    left: "SpansetExpression"
    right: "SpansetExpression"
    depth: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """``count()`` or ``avg(duration)``."""

    op: str
    expression: Expression | None
    depth: int = field(default=1, compare=False)

    @property
    def type(self) -> Type:
        """The type of what it comes to."""
        return Type.INT if self.expression is None else self.expression.type

    def __str__(self) -> str:
        return f"{self.op}({'' if self.expression is None else self.expression})"


@dataclass(frozen=True, slots=True)
class ScalarFilter:
    """``| count() > 2``."""

    aggregate: Aggregate
    op: str
    static: Static
    depth: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Select:
    """``| select(span.http.route, name)``."""

    attributes: tuple[Attribute, ...]
    depth: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Stages that a trace goes through; the first is a set of spans."""

    stages: tuple["Stage", ...]
    depth: int = field(default=1, compare=False)


SpansetExpression = Filter | SpansetOperation | Pipeline
Stage = Filter | SpansetOperation | Pipeline | ScalarFilter | Select


def _wrapped(expression: Expression) -> str:
    return str(expression) if isinstance(expression, Attribute | Literal) else f"({expression})"
