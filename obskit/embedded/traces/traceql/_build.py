"""Makes the nodes of a query, and refuses the ones whose types do not fit, with Tempo's texts."""

from dataclasses import replace

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
    Select,
    SpansetExpression,
    SpansetOperation,
    Stage,
    Unary,
)
from obskit.embedded.traces.traceql._errors import QueryError
from obskit.embedded.traces.traceql._operators import ARITHMETIC, FLIPPED, apply, compare
from obskit.embedded.traces.traceql._statics import NUMERIC, Static, Type
from obskit.embedded.traces.traceql._strings import matcher

__all__ = [
    "aggregate",
    "binary",
    "filter_of",
    "logic",
    "pipeline",
    "scalar_filter",
    "select",
    "spanset",
    "unary",
]

_MAX_DEPTH = 64
_TRACE_IDS = {Intrinsic.TRACE_ID, Intrinsic.LINK_TRACE_ID}
_ORDER = frozenset({"<", "<=", ">", ">="})
_EQUALITY = frozenset({"=", "!="})
_REGEX = frozenset({"=~", "!~"})
_ARRAY_OF = {
    Type.STRING: Type.STRING_ARRAY,
    Type.INT: Type.INT_ARRAY,
    Type.FLOAT: Type.FLOAT_ARRAY,
    Type.BOOLEAN: Type.BOOLEAN_ARRAY,
}
# (what joins them, what they do) -> the one comparison that says the same.
_FOLDED = {
    ("||", "="): "in",
    ("||", "in"): "in",
    ("&&", "!="): "not in",
    ("&&", "not in"): "not in",
    ("||", "=~"): "match any",
    ("||", "match any"): "match any",
    ("&&", "!~"): "match none",
    ("&&", "match none"): "match none",
}


def binary(op: str, left: Expression, right: Expression) -> Expression:
    """Return a comparison, an arithmetic operation or a test for nil."""
    if op in _EQUALITY and Type.NIL in {left.type, right.type}:
        return _nil_test(op, left, right)
    kind = _arithmetic_type(left, right) if op in ARITHMETIC else Type.BOOLEAN
    node = Binary(op, left, right, kind, _deeper(left, right))
    _check_types(op, left.type, right.type, node)
    if op in _REGEX:
        _check_regex(op, right)
    return _simplified(node)


def logic(op: str, left: Expression, right: Expression) -> Expression:
    """Return ``left op right`` for ``&&`` or ``||``; a chain of one operator is one node."""
    chain = left.operands if isinstance(left, Logic) and left.op == op else (left,)
    node = Logic(
        op, (*chain, right), max(left.depth, right.depth + 1) if len(chain) > 1 else _deeper(left, right)
    )
    _check_depth(node.depth)
    for side in (left, right):
        _check_types(op, side.type, side.type, node)
    constant = _constant(op, left, right)
    if constant is not None:
        return constant
    folded = _folded(op, chain[0], right) if len(chain) == 1 else None
    return node if folded is None else folded


def unary(op: str, operand: Expression) -> Expression:
    """Return ``!operand`` or ``-operand``; a negative number is a literal."""
    wanted = NUMERIC if op == "-" else frozenset({Type.BOOLEAN})
    node = Unary(op, operand, operand.type, _deeper(operand))
    if operand.type is not Type.ATTRIBUTE and operand.type not in wanted:
        msg = f"illegal operation for the given type: {node}"
        raise QueryError(msg)
    if isinstance(operand, Literal):
        value = operand.static.value
        return Literal(Static(operand.type, -value if op == "-" else not value))
    return node


def filter_of(expression: Expression) -> Filter:
    """Return the filter that keeps the spans for which *expression* is true."""
    node = Filter(expression, _deeper(expression))
    if expression.type not in {Type.ATTRIBUTE, Type.BOOLEAN}:
        msg = f"span filter field expressions must resolve to a boolean: {node}"
        raise QueryError(msg)
    return node


def spanset(op: str, left: SpansetExpression, right: SpansetExpression) -> SpansetOperation:
    """Return ``left op right`` for two sets of spans."""
    return SpansetOperation(op, left, right, _deeper(left, right))


def aggregate(op: str, expression: Expression | None = None) -> Aggregate:
    """Return an aggregate, such as ``avg(duration)``."""
    node = Aggregate(op, expression)
    if expression is None:
        return node
    if expression.type is not Type.ATTRIBUTE and expression.type not in NUMERIC:
        msg = f"aggregate field expressions must resolve to a number type: {node}"
        raise QueryError(msg)
    if not _references_span(expression):
        msg = f"aggregate field expressions must reference the span: {node}"
        raise QueryError(msg)
    return node


def scalar_filter(node: Aggregate, op: str, static: Static) -> ScalarFilter:
    """Return the stage that keeps a trace by what *node* comes to."""
    shown = f"{node} {op} {Literal(static)}"
    if op in _REGEX:
        msg = f"syntax error: unexpected {op} after {node}"
        raise QueryError(msg)
    _check_types(op, node.type, static.type, shown)
    return ScalarFilter(node, op, static)


def select(attributes: tuple[Attribute, ...]) -> Select:
    """Return the stage that has *attributes* shown."""
    return Select(attributes)


def pipeline(stages: tuple[Stage, ...]) -> Pipeline | Filter | SpansetOperation:
    """Return the stages as one node; a single set of spans is itself."""
    first = stages[0]
    if len(stages) == 1 and isinstance(first, Filter | SpansetOperation | Pipeline):
        return first
    return Pipeline(stages, _deeper(*stages))


def _constant(op: str, left: Expression, right: Expression) -> Literal | None:
    if not isinstance(left, Literal) or not isinstance(right, Literal):
        return None
    both = (left.static.value, right.static.value)
    return Literal(Static(Type.BOOLEAN, all(both) if op == "&&" else any(both)))


def _simplified(node: Binary) -> Expression:
    """Return *node* with its attribute on the left, its ids in Tempo's form, or computed where it is constant."""
    match node.left, node.right:
        case Literal(static=left), Literal(static=right):
            if node.op in ARITHMETIC:
                return Literal(apply(node.op, left, right))
            return Literal(Static(Type.BOOLEAN, compare(node.op, left, right)))
        case Literal(), Attribute():
            return _simplified(
                replace(node, op=FLIPPED.get(node.op, node.op), left=node.right, right=node.left)
            )
        case Attribute(intrinsic=intrinsic), Literal(static=static) if intrinsic in _TRACE_IDS:
            return replace(node, right=Literal(Static(static.type, static.value.lower().lstrip("0"))))
    return node


def _nil_test(op: str, left: Expression, right: Expression) -> Expression:
    if left.type is Type.NIL and right.type is Type.NIL:
        return Literal(Static(Type.BOOLEAN, False))
    operand = left if right.type is Type.NIL else right
    node = Unary("missing" if op == "=" else "exists", operand, Type.BOOLEAN, _deeper(operand))
    if op == "=" and isinstance(operand, Attribute):
        if operand.intrinsic is not None:
            msg = f"{operand} = nil is not valid because intrinsics cannot be nil"
            raise QueryError(msg)
        if operand.scope is Scope.RESOURCE and operand.name == "service.name":
            msg = f"{operand} = nil is not valid because resource.service.name cannot be nil"
            raise QueryError(msg)
    return node


def _arithmetic_type(left: Expression, right: Expression) -> Type:
    return left.type if left.type is not Type.ATTRIBUTE else right.type


def _check_types(op: str, left: Type, right: Type, node: object) -> None:
    if Type.NIL in {left, right}:
        msg = f"nil is accepted only after = and !=: {node}"
        raise QueryError(msg)
    matching = left is right or Type.ATTRIBUTE in {left, right} or (left in NUMERIC and right in NUMERIC)
    if not matching:
        msg = f"binary operations must operate on the same type: {node}"
        raise QueryError(msg)
    if not (_legal(op, left) and _legal(op, right)):
        msg = f"illegal operation for the given types: {node}"
        raise QueryError(msg)


def _legal(op: str, kind: Type) -> bool:
    if kind is Type.ATTRIBUTE or op in _EQUALITY:
        return True
    if kind in NUMERIC:
        return op in ARITHMETIC or op in _ORDER
    if kind is Type.STRING:
        return op in _ORDER or op in _REGEX
    return kind is Type.BOOLEAN and op in {"&&", "||"}


def _check_regex(op: str, right: Expression) -> None:
    if not isinstance(right, Literal) or right.static.type is not Type.STRING:
        msg = f"invalid type for {op}: {right}"
        raise QueryError(msg)
    matcher(right.static.value)


def _folded(op: str, left: Expression, right: Expression) -> Expression | None:
    if not isinstance(left, Binary) or not isinstance(right, Binary):
        return None
    folded = _FOLDED.get((op, left.op))
    if folded is None or folded != _FOLDED.get((op, right.op)):
        return None
    (attribute, first), (other, second) = _sides(left), _sides(right)
    if attribute is None or attribute != other or first is None or second is None:
        return None
    element = _element(first)
    if element is not _element(second) or element not in _ARRAY_OF:
        return None
    values = Static(_ARRAY_OF[element], (*_items(first), *_items(second)))
    return Binary(folded, attribute, Literal(values), Type.BOOLEAN, left.depth)


def _sides(node: Binary) -> tuple[Attribute | None, Static | None]:
    left, right = (node.left, node.right) if isinstance(node.left, Attribute) else (node.right, node.left)
    if isinstance(left, Attribute) and isinstance(right, Literal):
        return left, right.static
    return None, None


def _element(static: Static) -> Type:
    return next((element for element, array in _ARRAY_OF.items() if array is static.type), static.type)


def _items(static: Static) -> tuple[object, ...]:
    return static.value if isinstance(static.value, tuple) else (static.value,)


def _references_span(expression: Expression) -> bool:
    match expression:
        case Attribute():
            return True
        case Literal():
            return False
        case Binary():
            return _references_span(expression.left) or _references_span(expression.right)
        case Logic():
            return any(_references_span(operand) for operand in expression.operands)
        case Unary():
            return _references_span(expression.operand)


def _deeper(*nodes: Expression | Stage) -> int:
    depth = 1 + max(node.depth for node in nodes)
    _check_depth(depth)
    return depth


def _check_depth(depth: int) -> None:
    if depth > _MAX_DEPTH:
        msg = f"the query is nested deeper than {_MAX_DEPTH} levels; write it flatter"
        raise QueryError(msg)
