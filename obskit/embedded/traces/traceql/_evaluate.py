"""The engine half of a query: evaluates it on what was fetched of one trace."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from obskit.embedded.traces.traceql._ast import (
    Aggregate,
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
from obskit.embedded.traces.traceql._conditions import Condition, conditions_of
from obskit.embedded.traces.traceql._errors import QueryError
from obskit.embedded.traces.traceql._fetch import Fetch, Visible
from obskit.embedded.traces.traceql._operators import ARITHMETIC, FALSE, TRUE, apply, compare
from obskit.embedded.traces.traceql._spans import Span, Trace
from obskit.embedded.traces.traceql._statics import NIL, NIL_TEXT, NUMERIC, Static, Type
from obskit.embedded.traces.traceql._structure import relate

__all__ = ["Match", "Query"]

Evaluated = Callable[[Visible], Static]
Check = Callable[[], None]
Run = Callable[["Match"], "Match | None"]

_CHECKED = 64

# Part of every answer, so not among the attributes that a search lists.
_NOT_LISTED = {
    Intrinsic.NAME,
    Intrinsic.DURATION,
    Intrinsic.TRACE_DURATION,
    Intrinsic.TRACE_ROOT_SERVICE,
    Intrinsic.TRACE_ROOT_NAME,
    Intrinsic.TRACE_ID,
    Intrinsic.SPAN_ID,
}


@dataclass(frozen=True, slots=True)
class Match:
    """The spans of a trace that a query matched, and what its aggregates came to."""

    spans: list[Visible]
    aggregates: tuple[tuple[str, Static], ...] = field(default=())


class Query:
    """A query that is ready to look at traces, one after the other; *check* may end it at any time."""

    def __init__(self, pipeline: Pipeline, check: Check = lambda: None) -> None:
        request = conditions_of(pipeline)
        self.conditions = request.conditions
        self._fetch = Fetch(request.conditions, all_conditions=request.all_conditions)
        self._selected = Fetch([Condition(attribute) for attribute in request.selected], all_conditions=False)
        self._check = check
        self._run = _stage(pipeline, check)
        self._never = any(
            isinstance(stage, Filter)
            and isinstance(stage.expression, Literal)
            and stage.expression.static == FALSE
            for stage in pipeline.stages
        )

    def match(self, trace: Trace) -> Match | None:
        """Return what of *trace* matches, or None.

        Raises:
            QueryError: a value has a type that the query cannot take, such as text after ``!``.
        """
        if self._never:
            return None
        seen = self._fetch.first_pass(trace, self._check)
        return self._run(Match(seen)) if seen else None

    def shown(self, visible: Visible, trace: Trace) -> tuple[str | None, list[tuple[str, Static]]]:
        """Return the name of a matched span where the query asks for it, and the attributes to list."""
        full = self._selected.second_pass(visible, trace)
        listed = [
            (name, static)
            for group in full.attributes.values()
            for name, static in group.items()
            if static.type is not Type.NIL
        ]
        listed += [(key.value, static) for key, static in full.intrinsics.items() if key not in _NOT_LISTED]
        name = full.intrinsics.get(Intrinsic.NAME)
        return (None if name is None else name.value), listed


def _stage(stage: Stage, check: Check) -> Run:
    match stage:
        case Filter():
            return _filter(stage, check)
        case SpansetOperation():
            return _operation(stage, check)
        case ScalarFilter():
            return _scalar_filter(stage)
        case Select():
            return lambda found: found
        case Pipeline():
            return _chain([_stage(part, check) for part in stage.stages])


def _chain(stages: Sequence[Run]) -> Run:
    def run(found: Match) -> Match | None:
        current: Match | None = found
        for stage in stages:
            if current is None:
                return None
            current = stage(current)
        return current

    return run


def _filter(node: Filter, check: Check) -> Run:
    evaluate = _expression(node.expression)

    def run(found: Match) -> Match | None:
        spans = [visible for visible in _checked(found.spans, check) if evaluate(visible) == TRUE]
        return replace(found, spans=spans) if spans else None

    return run


def _checked(spans: Sequence[Visible], check: Check) -> Iterator[Visible]:
    for place, visible in enumerate(spans):
        if not place % _CHECKED:
            check()
        yield visible


def _operation(node: SpansetOperation, check: Check) -> Run:
    left, right, op = _stage(node.left, check), _stage(node.right, check), node.op

    def run(found: Match) -> Match | None:
        ours, theirs = left(found), right(found)
        spans = _combined(op, ours.spans if ours else [], theirs.spans if theirs else [])
        return replace(found, spans=spans) if spans else None

    return run


def _combined(op: str, left: list[Visible], right: list[Visible]) -> list[Visible]:
    if op in {"&&", "||"}:
        if op == "&&" and not (left and right):
            return []
        known = {id(visible) for visible in left}
        return left + [visible for visible in right if id(visible) not in known]
    return relate(op, left, right, _span) if right else []


def _span(visible: Visible) -> Span:
    return visible.span


def _scalar_filter(node: ScalarFilter) -> Run:
    total = _aggregate(node.aggregate)
    name = str(node.aggregate)

    def run(found: Match) -> Match | None:
        value = total(found.spans)
        if value is None or not compare(node.op, value, node.static):
            return None
        return replace(found, aggregates=(*found.aggregates, (name, value)))

    return run


def _aggregate(node: Aggregate) -> Callable[[list[Visible]], Static | None]:
    if node.expression is None:
        return lambda spans: Static(Type.INT, len(spans))
    evaluate = _expression(node.expression)

    def total(spans: list[Visible]) -> Static | None:
        found = [static for static in map(evaluate, spans) if static.type is not Type.NIL]
        if not found or any(static.type not in NUMERIC for static in found):
            return None
        return _reduced(node.op, found)

    return total


def _reduced(op: str, found: list[Static]) -> Static:
    match op:
        case "max":
            return max(found, key=lambda static: static.value)
        case "min":
            return min(found, key=lambda static: static.value)
    kind = found[0].type
    total = sum(static.value for static in found)
    if op == "avg":
        total /= len(found)
        kind = Type.FLOAT if kind is Type.INT else kind
    return Static(kind, int(total) if kind in {Type.INT, Type.DURATION} else float(total))


def _expression(node: Expression) -> Evaluated:
    match node:
        case Attribute():
            return lambda visible: visible.get(node)
        case Literal():
            return lambda _: node.static
        case Logic():
            return _logic(node)
        case Unary():
            return _unary(node)
        case Binary(op=op):
            left, right = _expression(node.left), _expression(node.right)
            if op in ARITHMETIC:
                return lambda visible: apply(op, left(visible), right(visible))
            return lambda visible: TRUE if compare(op, left(visible), right(visible)) else FALSE


def _logic(node: Logic) -> Evaluated:
    operands = [_expression(operand) for operand in node.operands]
    # What is no boolean, such as an attribute that is not there, counts as false.
    if node.op == "&&":
        return lambda visible: TRUE if all(operand(visible) == TRUE for operand in operands) else FALSE
    return lambda visible: TRUE if any(operand(visible) == TRUE for operand in operands) else FALSE


def _unary(node: Unary) -> Evaluated:
    operand = _expression(node.operand)
    match node.op:
        case "exists":
            return lambda visible: FALSE if operand(visible).type is Type.NIL else TRUE
        case "missing":
            return lambda visible: TRUE if operand(visible) == NIL_TEXT else FALSE
        case "!":
            return lambda visible: _negated(operand(visible), node)
        case _:
            return lambda visible: _minus(operand(visible), node)


def _negated(static: Static, node: Unary) -> Static:
    if static.type is not Type.BOOLEAN:
        msg = f"expression ({node}) expected a boolean, but got {static.text()}"
        raise QueryError(msg)
    return FALSE if static.value else TRUE


def _minus(static: Static, node: Unary) -> Static:
    if static is NIL:
        return NIL
    if static.type not in NUMERIC:
        msg = f"expression ({node}) expected a numeric, but got {static.text()}"
        raise QueryError(msg)
    return Static(static.type, -static.value)
