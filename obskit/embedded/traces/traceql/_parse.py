"""Reads a query: lark finds its structure, and each rule makes its node as soon as it is read.

Nothing here calls itself, so that no nesting of a query can exhaust the stack; how deep the
nodes may become is limited where they are made.
"""

from functools import cache
from typing import Any

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken, VisitError

from obskit.embedded.traces.traceql import _build
from obskit.embedded.traces.traceql._ast import (
    Attribute,
    Expression,
    Filter,
    Intrinsic,
    Literal,
    Pipeline,
    ScalarFilter,
    Scope,
    Select,
    SpansetExpression,
    SpansetOperation,
)
from obskit.embedded.traces.traceql._durations import parse_duration
from obskit.embedded.traces.traceql._errors import QueryError, out_of_scope
from obskit.embedded.traces.traceql._grammar import GRAMMAR
from obskit.embedded.traces.traceql._statics import KINDS, NUMERIC, STATUSES, Static, Type
from obskit.embedded.traces.traceql._strings import unquote

__all__ = ["parse", "parse_attribute"]

_MAX_QUERY = 128 * 1024
_LARGEST_INTEGER = 2**63 - 1
_HINTS = frozenset({"most_recent"})
_ELSEWHERE = {
    "avg_over_time",
    "bottomk",
    "by",
    "childCount",
    "coalesce",
    "compare",
    "count_over_time",
    "histogram_over_time",
    "max_over_time",
    "min_over_time",
    "parent",
    "quantile_over_time",
    "rate",
    "sum_over_time",
    "topk",
}
_SCOPED = {
    "trace:duration": Intrinsic.TRACE_DURATION,
    "trace:rootName": Intrinsic.TRACE_ROOT_NAME,
    "trace:rootService": Intrinsic.TRACE_ROOT_SERVICE,
    "span:duration": Intrinsic.DURATION,
    "span:name": Intrinsic.NAME,
    "span:kind": Intrinsic.KIND,
    "span:status": Intrinsic.STATUS,
    "span:statusMessage": Intrinsic.STATUS_MESSAGE,
}
_INTERNAL = {Intrinsic.START_TIME, Intrinsic.STRUCTURE}
_INTRINSICS = _SCOPED | {entry.value: entry for entry in Intrinsic if entry not in _INTERNAL}


def parse(text: str) -> Pipeline:
    """Return the query in *text*.

    Raises:
        QueryError: it is no TraceQL, its types do not fit, or it needs what only Tempo has.
    """
    pipeline: Pipeline = _read(text, "start")
    return pipeline


def parse_attribute(text: str) -> Attribute:
    """Return the attribute or intrinsic that *text* names, such as ``resource.service.name`` or ``kind``.

    Raises:
        QueryError: it names none.
    """
    attribute: Attribute = _read(text, "attribute_only")
    return attribute


def _read(text: str, start: str) -> Any:
    if len(text.encode("utf-8", "surrogatepass")) > _MAX_QUERY:
        msg = f"TraceQL query is larger than {_MAX_QUERY} bytes"
        raise QueryError(msg)
    try:
        return _parser().parse(text, start=start)
    except VisitError as error:
        if isinstance(error.orig_exc, QueryError):
            raise error.orig_exc from error
        raise
    except UnexpectedInput as error:
        raise _refusal(error) from error


@cache
def _parser() -> Lark:
    return Lark(
        GRAMMAR,
        parser="lalr",
        start=["start", "attribute_only"],
        transformer=_Builder(),
        maybe_placeholders=False,
    )


def _refusal(error: UnexpectedInput) -> QueryError:
    if isinstance(error, UnexpectedToken):
        found = "$end" if error.token.type == "$END" else str(error.token)
        known = error.token.type == "IDENTIFIER"
    elif isinstance(error, UnexpectedCharacters):
        found, known = error.char, False
    else:
        found, known = "$end", False
    if found in _ELSEWHERE:
        return out_of_scope(f"{found}{'' if found in {'childCount', 'parent'} else '()'}")
    what = "unknown identifier: " if known else "syntax error: unexpected "
    line = error.line if error.line and error.line > 0 else 1
    column = error.column if error.column and error.column > 0 else 0
    return QueryError(f"parse error at line {line}, col {column}: {what}{found[:100]}")


class _Builder(Transformer[Token, Any]):
    """One method a rule of the grammar; lark calls it with what the rule's parts came to."""

    def start(self, parts: list[Any]) -> Pipeline:
        node = parts[0]
        return node if isinstance(node, Pipeline) else Pipeline((node,), node.depth)

    def attribute_only(self, parts: list[Attribute]) -> Attribute:
        return parts[0]

    def single(self, parts: list[SpansetExpression]) -> SpansetExpression:
        return parts[0]

    def staged(self, parts: list[Any]) -> Pipeline | Filter | SpansetOperation:
        return _build.pipeline(tuple(part for part in parts if not isinstance(part, Token)))

    def scalar_filter(self, parts: list[Any]) -> ScalarFilter:
        return _build.scalar_filter(parts[0], parts[1], parts[2])

    def select(self, parts: list[Attribute]) -> Select:
        return _build.select(tuple(parts))

    def spanset_op(self, parts: list[Any]) -> SpansetOperation:
        return _build.spanset(str(parts[1]), parts[0], parts[2])

    spanset_related = spanset_op

    def everything(self, _: list[Any]) -> Filter:
        return _build.filter_of(Literal(Static(Type.BOOLEAN, True)))

    def filter(self, parts: list[Expression]) -> Filter:
        return _build.filter_of(parts[0])

    def grouped(self, parts: list[SpansetExpression]) -> SpansetExpression:
        return parts[0]

    def relation(self, parts: list[Token]) -> str:
        return str(parts[0])

    cmp = comparator = adder = multiplier = raiser = relation

    def count(self, _: list[Any]) -> object:
        return _build.aggregate("count")

    def max(self, parts: list[Expression]) -> object:
        return _build.aggregate("max", parts[0])

    def min(self, parts: list[Expression]) -> object:
        return _build.aggregate("min", parts[0])

    def avg(self, parts: list[Expression]) -> object:
        return _build.aggregate("avg", parts[0])

    def sum(self, parts: list[Expression]) -> object:
        return _build.aggregate("sum", parts[0])

    def logic(self, parts: list[Any]) -> Expression:
        return _build.logic(str(parts[1]), parts[0], parts[2])

    def binary(self, parts: list[Any]) -> Expression:
        return _build.binary(parts[1], parts[0], parts[2])

    def negate(self, parts: list[Expression]) -> Expression:
        return _build.unary("!", parts[0])

    def minus(self, parts: list[Expression]) -> Expression:
        return _build.unary("-", parts[0])

    def literal(self, parts: list[Static]) -> Literal:
        return Literal(parts[0])

    def attribute(self, parts: list[Token]) -> Attribute:
        text = str(parts[0])
        scope, _, name = text.partition(".")
        if scope == "parent":
            raise out_of_scope(text)
        return Attribute(Scope(scope), _attribute_name(name))

    def name(self, parts: list[Token]) -> Attribute:
        if str(parts[0]) == "span:childCount":
            raise out_of_scope(str(parts[0]))
        intrinsic = _INTRINSICS.get(str(parts[0]))
        if intrinsic is None:
            msg = f"unknown identifier: {parts[0]}"
            raise QueryError(msg)
        return Attribute.of(intrinsic)

    def string(self, parts: list[Token]) -> Static:
        return Static(Type.STRING, unquote(str(parts[0])))

    def duration(self, parts: list[Token]) -> Static:
        nanos = parse_duration(str(parts[0]))
        if nanos is None:
            msg = f"{parts[0]} is not a duration"
            raise QueryError(msg)
        return Static(Type.DURATION, nanos)

    def float(self, parts: list[Token]) -> Static:
        number = float(parts[0])
        if number == float("inf"):
            msg = f"{parts[0]} is out of range"
            raise QueryError(msg)
        return Static(Type.FLOAT, number)

    def integer(self, parts: list[Token]) -> Static:
        # Python refuses to read thousands of digits; Go refuses 64 bits.
        if len(parts[0]) > len(str(_LARGEST_INTEGER)) or int(parts[0]) > _LARGEST_INTEGER:
            msg = f"{parts[0][:40]} is out of range"
            raise QueryError(msg)
        return Static(Type.INT, int(parts[0]))

    def word(self, parts: list[Token]) -> Static:
        text = str(parts[0])
        if text in {"true", "false"}:
            return Static(Type.BOOLEAN, text == "true")
        if text in STATUSES:
            return Static(Type.STATUS, STATUSES.index(text))
        return Static(Type.KIND, KINDS.index(text)) if text in KINDS else Static(Type.NIL, None)

    def negative(self, parts: list[Static]) -> Static:
        static = parts[0]
        if static.type not in NUMERIC:
            msg = f"illegal operation for the given type: -{Literal(static)}"
            raise QueryError(msg)
        return Static(static.type, -static.value)

    def hints(self, parts: list[str]) -> None:
        for hint in parts:
            if hint not in _HINTS:
                shown = f"with({hint}=...)"
                raise out_of_scope(shown)

    def hint(self, parts: list[Any]) -> str:
        return str(parts[0])


def _attribute_name(text: str) -> str:
    """Return the name with its quoted parts unquoted; only quotes and backslashes can be escaped."""
    if '"' not in text:
        return text
    parts: list[str] = []
    quoted, escaped = False, False
    for character in text:
        if escaped:
            if character not in {'"', "\\"}:
                msg = f"invalid escape sequence in the attribute {text}"
                raise QueryError(msg)
            parts.append(character)
            escaped = False
        elif quoted and character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
        else:
            parts.append(character)
    return "".join(parts)
