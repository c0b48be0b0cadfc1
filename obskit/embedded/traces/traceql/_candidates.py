"""What SQL can say about the traces that a query may match: never too few, often few.

The store keeps, for every trace, which values its attributes have (tables ``attrs`` and
``postings``), and the shortest and the longest of its spans.
"""

from collections.abc import Sequence
from dataclasses import dataclass

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
    Scope,
    SpansetOperation,
    Stage,
    Unary,
)
from obskit.embedded.traces.traceql._columns import DEDICATED_SPAN, WELL_KNOWN_RESOURCE
from obskit.embedded.traces.traceql._conditions import Condition, conditions_of
from obskit.embedded.traces.traceql._operators import FALSE
from obskit.embedded.traces.traceql._statics import ELEMENT_OF, NUMERIC, Static, Type

__all__ = ["Clause", "candidates"]

_SCOPES = {Scope.RESOURCE: 1, Scope.SPAN: 2, Scope.EVENT: 3, Scope.LINK: 4, Scope.INSTRUMENTATION: 5}
_INDEXED = {Intrinsic.NAME, Intrinsic.STATUS, Intrinsic.STATUS_MESSAGE, Intrinsic.KIND, Intrinsic.EVENT_NAME}
_INTRINSIC_SCOPE = 6
_TRACE_COLUMNS = {
    Intrinsic.TRACE_DURATION: "max(t.end_ns - t.start_ns, 0)",
    Intrinsic.TRACE_ROOT_NAME: "t.root_name",
    Intrinsic.TRACE_ROOT_SERVICE: "t.root_service",
}
_MATCH_ALL = {*_TRACE_COLUMNS, Intrinsic.TRACE_ID, Intrinsic.START_TIME, Intrinsic.STRUCTURE}
_COMPARED = {"=": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_MAX_CLAUSES, _MAX_TERMS = 40, 400
"""SQLite takes expressions of depth 1000; what is beyond is left to the evaluation."""
_MATCHED = {"=~": "re2_match(?, {})", "!~": "NOT re2_match(?, {})"}


@dataclass(frozen=True, slots=True)
class Clause:
    """A condition of SQL on a trace ``t``, and the values of its placeholders."""

    sql: str
    values: tuple[object, ...] = ()


def candidates(pipeline: Pipeline) -> Clause | None:
    """Return what every trace that *pipeline* matches meets, or None when that is nothing."""
    request = conditions_of(pipeline)
    found = _all([_stage(pipeline), _fetched(request.conditions, all_conditions=request.all_conditions)])
    if found is None or found.sql.count(" OR ") + found.sql.count(" AND ") > _MAX_TERMS:
        return None
    return found


def _stage(stage: Stage) -> Clause | None:
    match stage:
        case Pipeline():
            return _all([_stage(part) for part in stage.stages])
        case Filter():
            return _expression(stage.expression)
        case SpansetOperation():
            right = _stage(stage.right)
            if stage.op.startswith("!"):
                return right
            sides = [_stage(stage.left), right]
            return _any(sides) if stage.op == "||" else _all(sides)
        case ScalarFilter(aggregate=Aggregate(expression=None), op=(">" | ">=" | "=") as op, static=static):
            return Clause(f"t.spans {'>=' if op == '=' else op} ?", (static.value,))
        case _:
            return None


def _fetched(conditions: Sequence[Condition], *, all_conditions: bool) -> Clause | None:
    """Return what a trace has of which any span is fetched: at least one condition must find something."""
    groups: dict[Attribute, list[Condition]] = {}
    for condition in conditions:
        groups.setdefault(condition.attribute, []).append(condition)
    if not groups or any(attribute.intrinsic in _MATCH_ALL for attribute in groups):
        return None
    mingled = any(attribute.intrinsic is None and attribute.scope is Scope.NONE for attribute in groups)
    clauses = [_group(attribute, group) for attribute, group in groups.items()]
    return _all(clauses) if all_conditions and not mingled else _any(clauses)


def _group(attribute: Attribute, conditions: Sequence[Condition]) -> Clause | None:
    ops = {condition.op for condition in conditions}
    if attribute.intrinsic is not None:
        # Conditions on one column are alternatives.
        return _any(
            [_comparison(attribute, one.op, one.operand) if one.operand else None for one in conditions]
        )
    if "missing" in ops or (
        "none" in ops and (attribute.name in DEDICATED_SPAN or attribute.name in WELL_KNOWN_RESOURCE)
    ):
        return None
    # Attributes share a column, so that a condition on one lets values of another through.
    return _posted(attribute, "", ())


def _expression(node: Expression) -> Clause | None:
    match node:
        case Literal():
            return Clause("0") if node.static == FALSE else None
        case Logic():
            sides = [_expression(operand) for operand in node.operands]
            return _all(sides) if node.op == "&&" else _any(sides)
        case Unary(op="exists", operand=Attribute(intrinsic=None) as attribute):
            return _posted(attribute, "", ())
        case Binary(op=op, left=Attribute() as attribute, right=Literal() as literal):
            return _comparison(attribute, op, literal.static)
        case _:
            return None


def _comparison(attribute: Attribute, op: str, operand: Static) -> Clause | None:
    intrinsic = attribute.intrinsic
    if intrinsic is Intrinsic.DURATION:
        return _duration(op, operand)
    if intrinsic is Intrinsic.TRACE_ID and op == "=":
        return Clause("t.trace_id = ?", (_trace_id(operand.value),))
    column = _TRACE_COLUMNS.get(intrinsic) if intrinsic is not None else None
    if column is not None:
        return _compared(column, op, operand)
    if intrinsic is not None and intrinsic not in _INDEXED:
        return None
    value = _compared("a.value", op, operand)
    kind = _stored(operand.type)
    if value is None or kind is None:
        return None
    return _posted(attribute, f"AND a.type = ? AND {value.sql}", (int(kind), *value.values))


def _posted(attribute: Attribute, condition: str, values: tuple[object, ...]) -> Clause:
    if attribute.intrinsic is not None:
        scopes = [_INTRINSIC_SCOPE]
    elif attribute.scope is Scope.NONE:
        scopes = [_SCOPES[Scope.SPAN], _SCOPES[Scope.RESOURCE]]
    else:
        scopes = [_SCOPES[attribute.scope]]
    places = ", ".join("?" * len(scopes))
    return Clause(
        f"t.id IN (SELECT p.trace FROM attrs a JOIN postings p ON p.attr = a.id "  # noqa: S608 - our own names
        f"WHERE a.scope IN ({places}) AND a.key = ? {condition})",
        (*scopes, attribute.name, *values),
    )


def _trace_id(text: str) -> bytes:
    try:
        return bytes.fromhex(text.zfill(32))
    except ValueError:
        return b""


def _duration(op: str, operand: Static) -> Clause | None:
    if operand.type not in NUMERIC:
        return None
    match op:
        case ">" | ">=":
            return Clause(f"t.max_duration {op} ?", (operand.value,))
        case "<" | "<=":
            return Clause(f"t.min_duration {op} ?", (operand.value,))
        case "=":
            return Clause("t.min_duration <= ? AND t.max_duration >= ?", (operand.value, operand.value))
        case _:
            return None


def _compared(column: str, op: str, operand: Static) -> Clause | None:
    if op in _COMPARED:
        return Clause(f"{column} {_COMPARED[op]} ?", (operand.value,))
    if op in _MATCHED:
        return Clause(_MATCHED[op].format(column), (operand.value,))
    if op == "in":
        return Clause(f"{column} IN ({', '.join('?' * len(operand.value))})", operand.value)
    if op == "match any":
        tests = " OR ".join(_MATCHED["=~"].format(column) for _ in operand.value)
        return Clause(f"({tests})", operand.value)
    return None


def _stored(kind: Type) -> Type | None:
    element = ELEMENT_OF.get(kind, kind)
    if element in {Type.STATUS, Type.KIND}:
        return Type.INT
    return element if element in {Type.STRING, Type.INT, Type.FLOAT, Type.BOOLEAN} else None


def _all(clauses: list[Clause | None]) -> Clause | None:
    return _joined(" AND ", [clause for clause in clauses if clause is not None][:_MAX_CLAUSES])


def _any(clauses: list[Clause | None]) -> Clause | None:
    return None if None in clauses else _joined(" OR ", [clause for clause in clauses if clause is not None])


def _joined(word: str, clauses: list[Clause]) -> Clause | None:
    if not clauses:
        return None
    values = tuple(value for clause in clauses for value in clause.values)
    return Clause("(" + word.join(clause.sql for clause in clauses) + ")", values)
