"""Makes values of what the grammar finds, and checks what a grammar cannot."""

from typing import Any, get_args

from lark import Token, Transformer, v_args

from obskit.embedded.logs._errors import ParseError, RefusedError
from obskit.embedded.logs.logql import _ast, _units
from obskit.embedded.logs.logql._arithmetic import COMPARISONS, calculate

__all__ = ["Builder"]

MAX_DEPTH = 100
MAX_PARTS = 500
_GROUPED = {"avg", "stddev", "stdvar", "quantile", "max", "min", "first", "last"}
_UNWRAPPED = {*_GROUPED, "sum", "rate", "rate_counter", "absent"}
_COUNTED = {"bytes", "bytes_rate", "count", "rate", "absent"}
_SETS = {"or", "and", "unless"}


def _number(text: str) -> float:
    try:
        return _units.go_float(text)
    except ValueError as error:
        message = f"unable to parse literal as a float: {error}"
        raise ParseError(message) from error


def _depth(*inner: _ast.Sample) -> int:
    depth = 1 + max(each.depth for each in inner)
    if depth > MAX_DEPTH:
        what = f"a query that is nested more than {MAX_DEPTH} deep"
        raise RefusedError(what)
    return depth


def _combined(op: str, left: _ast.Filter, right: _ast.Filter) -> _ast.Combined:
    depth = 1 + max(each.depth if isinstance(each, _ast.Combined) else 0 for each in (left, right))
    if depth > MAX_DEPTH:
        what = f"a label filter that is nested more than {MAX_DEPTH} deep"
        raise RefusedError(what)
    return _ast.Combined(op, left, right, depth)


def _bounded(parts: tuple[Any, ...], what: str) -> tuple[Any, ...]:
    if len(parts) > MAX_PARTS:
        msg = f"a query with more than {MAX_PARTS} {what}"
        raise RefusedError(msg)
    return parts


def _metric(expression: _ast.Expression) -> _ast.Sample:
    if isinstance(expression, _ast.Logs):
        message = "syntax error: unexpected ,"
        raise ParseError(message)
    return expression


@v_args(inline=True)
class Builder(Transformer[Any, _ast.Expression]):
    """The parser's actions, one a rule; their arguments are what the rule's parts became."""

    def start(self, expression: _ast.Expression) -> _ast.Expression:
        return expression

    def names(self, *names: str) -> tuple[str, ...]:
        return tuple(str(name) for name in names)

    def matchers(self, *matchers: _ast.Matcher) -> tuple[_ast.Matcher, ...]:
        return matchers

    def selector(self, matchers: tuple[_ast.Matcher, ...] | None) -> tuple[_ast.Matcher, ...]:
        return matchers or ()

    def matcher(self, name: str, op: str, value: str) -> _ast.Matcher:
        return _ast.Matcher(str(name), str(op), str(value))

    def logs(self, matchers: tuple[_ast.Matcher, ...], stages: tuple[_ast.Stage, ...] | None) -> _ast.Logs:
        return _ast.Logs(matchers, stages or ())

    def pipeline(self, *parts: Any) -> tuple[_ast.Stage, ...]:
        return (parts[0],) if len(parts) == 1 else _bounded((*parts[0], parts[1]), "stages")

    def line_filter(self, *parts: Any) -> _ast.LineFilter:
        if isinstance(parts[0], _ast.LineFilter):
            values = _bounded((*parts[0].values, str(parts[-1])), "texts in a line filter")
            return _ast.LineFilter(parts[0].op, values)
        if parts[0].type in {"PIPE_PATTERN", "NPA"}:
            what = f"the pattern line filter {parts[0]}"
            raise RefusedError(what)
        return _ast.LineFilter(str(parts[0]), (str(parts[1]),))

    def ip(self, *_parts: Any) -> None:
        raise RefusedError("the line filter ip()")  # noqa: EM101 - names what is refused

    def ip_filter(self, *_parts: Any) -> None:
        raise RefusedError("the label filter ip()")  # noqa: EM101 - as above

    def unpack(self, *_parts: Any) -> None:
        raise RefusedError("the parser unpack")  # noqa: EM101 - as above

    def variants(self, *_parts: Any) -> None:
        raise RefusedError("variants()")  # noqa: EM101 - as above

    def flags(self, *flags: str) -> frozenset[str]:
        return frozenset(str(flag) for flag in flags)

    def extraction(self, name: str, *rest: str | None) -> tuple[str, str]:
        return str(name), str(name if rest[-1] is None else rest[-1])

    def extractions(self, *fields: tuple[str, str]) -> tuple[tuple[str, str], ...]:
        return fields

    def json(self, _word: str, fields: tuple[tuple[str, str], ...] | None) -> _ast.Json:
        return _ast.Json(fields or ())

    def logfmt(
        self, _word: str, flags: frozenset[str] | None, fields: tuple[tuple[str, str], ...] | None
    ) -> _ast.Logfmt:
        return _ast.Logfmt(fields or (), flags or frozenset())

    def regexp(self, _word: str, expression: str) -> _ast.Regexp:
        return _ast.Regexp(str(expression))

    def pattern(self, _word: str, expression: str) -> _ast.Pattern:
        return _ast.Pattern(str(expression))

    def line_format(self, _word: str, template: str) -> _ast.LineFormat:
        return _ast.LineFormat(str(template))

    def label_format(self, name: str, _equals: str, what: Any) -> tuple[str, str, bool]:
        return str(name), str(what), what.type == "STRING"

    def label_formats(self, _word: str, *items: tuple[str, str, bool]) -> _ast.LabelFormat:
        return _ast.LabelFormat(items)

    def decolorize(self, _word: str) -> _ast.Decolorize:
        return _ast.Decolorize()

    def drop(self, _word: str, *items: Any) -> _ast.Drop:
        return _ast.Drop(tuple(each if isinstance(each, _ast.Matcher) else str(each) for each in items))

    def keep(self, _word: str, *items: Any) -> _ast.Keep:
        return _ast.Keep(tuple(each if isinstance(each, _ast.Matcher) else str(each) for each in items))

    def where(self, condition: _ast.Filter) -> _ast.Where:
        return _ast.Where(condition)

    def combined(self, left: _ast.Filter, op: str, right: _ast.Filter) -> _ast.Combined:
        return _combined(str(op), left, right)

    def chained(self, left: _ast.Filter, right: _ast.Filter) -> _ast.Combined:
        return _combined("and", left, right)

    def compared(self, name: str, op: str, value: Any) -> _ast.Compared:
        op = "==" if op == "=" else str(op)
        if isinstance(value, _ast.Literal):
            return _ast.Compared(str(name), op, "number", value.value)
        return _ast.Compared(str(name), op, value.type.lower(), value.value)

    def unwrap(self, _word: str, *parts: str) -> _ast.Unwrap:
        conversion = {"bytes": "bytes", "duration": "duration", "duration_seconds": "duration"}
        kind = conversion[str(parts[0])] if len(parts) > 1 else "float"
        return _ast.Unwrap(str(parts[-1]), kind)

    def unwrap_filter(self, unwrap: _ast.Unwrap, condition: _ast.Filter) -> _ast.Unwrap:
        filters = _bounded((*unwrap.filters, condition), "filters after unwrap")
        return _ast.Unwrap(unwrap.label, unwrap.conversion, filters)

    def offset(self, _word: str, duration: Any) -> int:
        return int(duration.value)

    def range_last(
        self, matchers: Any, stages: Any, unwrap: _ast.Unwrap | None, interval: Any, offset: int | None
    ) -> _ast.LogRange:
        return _ast.LogRange(_ast.Logs(matchers, stages or ()), interval.value, offset or 0, unwrap)

    def range_first(
        self, matchers: Any, interval: Any, offset: int | None, stages: Any, unwrap: _ast.Unwrap | None
    ) -> _ast.LogRange:
        return _ast.LogRange(_ast.Logs(matchers, stages), interval.value, offset or 0, unwrap)

    def range_unwrapped(
        self, matchers: Any, interval: Any, offset: int | None, unwrap: _ast.Unwrap
    ) -> _ast.LogRange:
        return _ast.LogRange(_ast.Logs(matchers), interval.value, offset or 0, unwrap)

    def range_again(self, log_range: _ast.LogRange) -> _ast.LogRange:
        return log_range

    def grouping(self, word: str, names: tuple[str, ...] | None) -> _ast.Grouping:
        return _ast.Grouping(tuple(sorted(names or ())), without=word == "without")

    def range_aggregation(
        self, op: str, parameter: str | None, log_range: _ast.LogRange, grouping: _ast.Grouping | None
    ) -> _ast.RangeAggregation:
        name = str(op)
        if parameter is not None and name != "quantile_over_time":
            message = f"parameter {parameter} not supported for operation {name}"
            raise ParseError(message)
        if parameter is None and name == "quantile_over_time":
            message = f"parameter required for operation {name}"
            raise ParseError(message)
        _check_range(name, log_range, grouping)
        number = None if parameter is None else _number(str(parameter))
        return _ast.RangeAggregation(name, log_range, number, grouping)

    def vector_aggregation(self, op: str, *parts: Any) -> _ast.VectorAggregation:
        groupings = [part for part in parts if isinstance(part, _ast.Grouping)]
        if len(groupings) > 1:
            message = f"syntax error: unexpected {'without' if groupings[1].without else 'by'}"
            raise ParseError(message)
        tokens = {part.type: part for part in parts if isinstance(part, Token)}
        inner = next(part for part in parts if isinstance(part, get_args(_ast.Expression)))
        if isinstance(inner, _ast.Logs):
            end = tokens["_RPAR"]
            message = "syntax error: unexpected )"
            raise ParseError(message, end.line or 0, end.column or 0)
        name, grouping, number = str(op), next(iter(groupings), None), tokens.get("NUMBER")
        count = _check_vector(name, None if number is None else str(number), grouping)
        return _ast.VectorAggregation(
            name, inner, count, grouping or _ast.Grouping((), without=False), _depth(inner)
        )

    def label_replace(self, _word: str, inner: _ast.Expression, *texts: str) -> _ast.LabelReplace:
        sample = _metric(inner)
        target, replacement, source, expression = (str(text) for text in texts)
        return _ast.LabelReplace(sample, target, replacement, source, expression, _depth(sample))

    def vector(self, _word: str, number: str) -> _ast.Vector:
        return _ast.Vector(_number(str(number)))

    def literal(self, *parts: str) -> _ast.Literal:
        return _ast.Literal(_number(str(parts[-1])))

    def negative(self, _sign: str, number: str) -> _ast.Literal:
        return _ast.Literal(-_number(str(number)))

    def grouped(self, word: str, *rest: tuple[str, ...] | None) -> tuple[str, tuple[str, ...]]:
        return str(word).removeprefix("group_"), (rest[0] if rest else None) or ()

    def matching(
        self, word: str, names: tuple[str, ...] | None, grouped: tuple[str, tuple[str, ...]] | None
    ) -> _ast.Matching:
        group, include = grouped or ("", ())
        return _ast.Matching(on=word == "on", names=names or (), group=group, include=include)

    def modifier(self, word: str | None, matching: _ast.Matching | None) -> _ast.Matching:
        found = matching or _ast.Matching()
        return _ast.Matching(word is not None, found.on, found.names, found.group, found.include)

    def binary(
        self, left: _ast.Expression, op: str, matching: _ast.Matching, right: _ast.Expression
    ) -> _ast.Sample:
        name = str(op)
        for side, leg in (("left", left), ("right", right)):
            if isinstance(leg, _ast.Logs):
                message = f"unexpected type for {side} leg of binary operation ({name}): *syntax.MatchersExpr"
                raise ParseError(message)
            if name in _SETS and isinstance(leg, _ast.Literal):
                message = (
                    f"unexpected literal for {side} leg of logical/set binary operation "
                    f"({name}): {leg.value:f}"
                )
                raise ParseError(message)
        first, second = _metric(left), _metric(right)
        if isinstance(first, _ast.Literal) and isinstance(second, _ast.Literal):
            return _ast.Literal(_folded(name, first.value, second.value))
        return _ast.Binary(name, first, second, matching, _depth(first, second))


def _folded(op: str, left: float, right: float) -> float:
    if op in COMPARISONS:
        return 1.0 if COMPARISONS[op](left, right) else 0.0
    return calculate(op, left, right)


def _check_range(name: str, log_range: _ast.LogRange, grouping: _ast.Grouping | None) -> None:
    short = name.removesuffix("_over_time")
    if grouping is not None and short not in _GROUPED:
        message = f"grouping not allowed for {name} aggregation"
        raise ParseError(message)
    if log_range.unwrap is not None and short not in _UNWRAPPED:
        message = f"invalid aggregation {name} with unwrap"
        raise ParseError(message)
    if log_range.unwrap is None and short not in _COUNTED:
        message = f"invalid aggregation {name} without unwrap"
        raise ParseError(message)


def _check_vector(name: str, parameter: str | None, grouping: _ast.Grouping | None) -> int:
    if name == "approx_topk":
        raise RefusedError("approx_topk()")  # noqa: EM101 - names what is refused
    if name not in {"topk", "bottomk"}:
        if parameter is not None:
            message = f"unsupported parameter for operation {name}({parameter},"
            raise ParseError(message)
        if name in {"sort", "sort_desc"} and grouping is not None and grouping.names:
            message = "sort and sort_desc doesn't allow grouping by "
            raise ParseError(message)
        return 0
    if parameter is None:
        message = f"parameter required for operation {name}"
        raise ParseError(message)
    if not parameter.isdigit():
        message = f"invalid parameter {name}({parameter},"
        raise ParseError(message)
    if int(parameter) == 0:
        message = f"invalid parameter (must be greater than 0) {name}({parameter}"
        raise ParseError(message)
    return int(parameter)
