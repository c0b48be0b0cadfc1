"""What a query asks of the storage: the first half of how Tempo evaluates it.

Each comparison of an attribute becomes a condition. Under ``all_conditions`` a span must
meet all of them to be looked at; otherwise one is enough. What a condition does not match
is not fetched, and so is not there when the query is evaluated: this is why ``{ !(a = 1) }``
matches nothing, in Tempo and here.
"""

from dataclasses import dataclass, field

from obskit.embedded.traces.traceql._ast import (
    Attribute,
    Binary,
    Expression,
    Filter,
    Intrinsic,
    Literal,
    Logic,
    Pipeline,
    ScalarFilter,
    Select,
    SpansetOperation,
    Stage,
    Unary,
)
from obskit.embedded.traces.traceql._operators import ARITHMETIC, TRUE
from obskit.embedded.traces.traceql._statics import Static

__all__ = ["Condition", "Request", "conditions_of"]

_START = Attribute.of(Intrinsic.START_TIME)
_STRUCTURE = Attribute.of(Intrinsic.STRUCTURE)


@dataclass(frozen=True, slots=True)
class Condition:
    """An attribute to fetch; *op* ``none`` fetches whatever it is."""

    attribute: Attribute
    op: str = "none"
    operand: Static | None = None


@dataclass(slots=True)
class Request:
    """The conditions of a query, and the attributes that its answer shows besides."""

    conditions: list[Condition] = field(default_factory=list)
    selected: list[Attribute] = field(default_factory=list)
    all_conditions: bool = True

    def fetch(self, attribute: Attribute) -> None:
        """Ask for *attribute*, whatever it is."""
        self.conditions.append(Condition(attribute))


def conditions_of(pipeline: Pipeline) -> Request:
    """Return what *pipeline* asks of the storage."""
    request = Request()
    _stage(pipeline, request)
    return request


def _stage(stage: Stage, request: Request) -> None:
    match stage:
        case Pipeline():
            for part in stage.stages:
                _stage(part, request)
        case Filter():
            _filter(stage, request)
        case SpansetOperation():
            if stage.op not in {"&&", "||"}:
                request.fetch(_STRUCTURE)
            _stage(stage.left, request)
            _stage(stage.right, request)
            request.all_conditions = False
        case ScalarFilter():
            if stage.aggregate.expression is not None:
                _expression(stage.aggregate.expression, request)
            request.all_conditions = False
        case Select():
            request.selected += stage.attributes


def _filter(node: Filter, request: Request) -> None:
    _expression(node.expression, request)
    if isinstance(node.expression, Literal) and node.expression.static == TRUE:
        # "{ }" names nothing, yet every span must be looked at.
        matches_all = any(found.op == "none" and found.attribute.intrinsic for found in request.conditions)
        request.conditions += [] if matches_all else [Condition(_START)]


def _expression(node: Expression, request: Request) -> None:
    match node:
        case Attribute():
            request.fetch(node)
        case Unary(op=("exists" | "missing") as op, operand=Attribute() as attribute):
            request.conditions.append(Condition(attribute, op))
        case Unary():
            _expression(node.operand, request)
        case Binary():
            _pair(node.op, node.left, node.right, request)
        case Logic():
            _pair(node.op, node.operands[0], node.operands[1], request)
            for operand in node.operands[2:]:
                _expression(operand, request)
                request.all_conditions &= node.op != "||"


def _pair(op: str, left: Expression, right: Expression, request: Request) -> None:
    match left, right:
        case (Attribute() as attribute, Literal() as literal) | (
            Literal() as literal,
            Attribute() as attribute,
        ):
            if op in ARITHMETIC or op in {"&&", "||"}:
                request.fetch(attribute)
            else:
                request.conditions.append(Condition(attribute, op, literal.static))
        case (Attribute() | Literal(), _):
            _expression(left, request)
            _expression(right, request)
        case _:
            _expression(left, request)
            _expression(right, request)
            request.all_conditions &= op != "||"
