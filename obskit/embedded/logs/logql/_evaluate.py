"""Answers metric queries: every step of a range, or one instant."""

from collections.abc import Iterable
from dataclasses import dataclass

from obskit.embedded.logs._errors import ParseError, QueryError
from obskit.embedded.logs.logql import _ast
from obskit.embedded.logs.logql._line import ERROR, PRESERVE_ERROR, Labels
from obskit.embedded.logs.logql._regex import compiled, expand
from obskit.embedded.logs.logql._samples import collect
from obskit.embedded.logs.logql._source import Deadline, Source
from obskit.embedded.logs.logql._vectors import Step, Vector, aggregated, merged, with_number
from obskit.embedded.logs.logql._windows import window_function

__all__ = ["MetricQuery", "instant", "steps"]

MAX_SERIES = 500
_LOOK = 64


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """What is asked: every *step* from *start* to *end*, in nanoseconds."""

    sample: _ast.Sample
    start: int
    end: int
    step: int

    @property
    def times(self) -> range:
        """The times of the steps, in nanoseconds."""
        return range(self.start, self.end + 1, self.step)


def steps(query: MetricQuery, source: Source, deadline: Deadline) -> dict[Labels, list[tuple[int, float]]]:
    """Return each series with its points: time in nanoseconds and value.

    Raises:
        QueryError: the query cannot be answered.
    """
    evaluate = _Evaluator(query.times, source, deadline).step(query.sample)
    series: dict[Labels, list[tuple[int, float]]] = {}
    for place, at in enumerate(query.times):
        if place % _LOOK == 0:
            deadline.check()
        for labels, value in evaluate(at):
            series.setdefault(labels, []).append((at, value))
        _check_count(series)
    return series


def instant(sample: _ast.Sample, at: int, source: Source, deadline: Deadline) -> Vector:
    """Return the samples at a time, by their labels unless the query sorts them.

    Raises:
        QueryError: the query cannot be answered.
    """
    vector = _Evaluator(range(at, at + 1), source, deadline).step(sample)(at)
    _check_count(vector)
    return vector if _sorts(sample) else sorted(vector)


def _check_count(series: Iterable[object]) -> None:
    if len(series) > MAX_SERIES:  # type: ignore[arg-type]  # a list or a dictionary
        msg = (
            f"maximum number of series ({MAX_SERIES}) reached for a single query; consider reducing query "
            "cardinality by adding more specific stream selectors, reducing the time range, or aggregating "
            "results with functions like sum(), count() or topk()"
        )
        raise QueryError(msg)


def _sorts(sample: _ast.Sample) -> bool:
    if isinstance(sample, _ast.VectorAggregation):
        return sample.op in {"sort", "sort_desc"} or _sorts(sample.inner)
    if isinstance(sample, _ast.LabelReplace):
        return _sorts(sample.inner)
    return isinstance(sample, _ast.Binary) and (_sorts(sample.left) or _sorts(sample.right))


class _Evaluator:
    """Makes of each part of a query a function that gives its samples at a time."""

    def __init__(self, times: range, source: Source, deadline: Deadline) -> None:
        self._times = times
        self._source = source
        self._deadline = deadline

    def step(self, sample: _ast.Sample, outer: _ast.VectorAggregation | None = None) -> Step:
        match sample:
            case _ast.RangeAggregation():
                return self._range(sample, outer)
            case _ast.VectorAggregation():
                return aggregated(sample, self.step(sample.inner, sample))
            case _ast.Binary():
                return self._binary(sample)
            case _ast.LabelReplace():
                return self._replace(sample)
            case _ast.Literal() | _ast.Vector():
                number = sample.value
                return lambda _at: [((), number)]

    def _range(self, aggregation: _ast.RangeAggregation, outer: _ast.VectorAggregation | None) -> Step:
        log_range = aggregation.range
        window = (
            self._times[0] - log_range.interval - log_range.offset,
            self._times[-1] - log_range.offset,
        )
        series = collect(aggregation, outer, window, self._source, self._deadline)
        value_at = window_function(aggregation)
        failed = frozenset(labels for labels in series if _is_failed(labels))

        def step(at: int) -> Vector:
            vector: Vector = []
            for place, (labels, samples) in enumerate(series.items()):
                if place % _LOOK == 0:
                    self._deadline.check()
                value = value_at(samples, at)
                if value is not None:
                    if labels in failed:
                        raise _pipeline_error(labels)
                    vector.append((labels, value))
            return vector

        return _absent(aggregation, step) if aggregation.op == "absent_over_time" else step

    def _binary(self, binary: _ast.Binary) -> Step:
        if isinstance(binary.left, _ast.Literal):
            return with_number(binary, self.step(binary.right), binary.left.value, number_is_left=True)
        if isinstance(binary.right, _ast.Literal):
            return with_number(binary, self.step(binary.left), binary.right.value, number_is_left=False)
        return merged(binary, self.step(binary.left), self.step(binary.right))

    def _replace(self, replace: _ast.LabelReplace) -> Step:
        try:
            expression = compiled(f"^(?:{replace.expression})$", shown=replace.expression)
        except ParseError as error:
            problem = str(error).removeprefix("parse error : ")
            message = f"invalid regex in label_replace: {problem}"
            raise ParseError(message) from error
        inner, cache = self.step(replace.inner), dict[Labels, Labels]()

        def relabelled(labels: Labels) -> Labels:
            found = dict(labels)
            match = expression.search(found.get(replace.source, ""))
            if match is None:
                return labels
            found.pop(replace.target, None)
            value = expand(replace.replacement, match)
            if value:
                found[replace.target] = value
            return tuple(sorted((name, value) for name, value in found.items() if value))

        def step(at: int) -> Vector:
            vector = inner(at)
            for labels, _ in vector:
                if labels not in cache:
                    cache[labels] = relabelled(labels)
            return [(cache[labels], value) for labels, value in vector]

        return step


def _absent(aggregation: _ast.RangeAggregation, present: Step) -> Step:
    labels: dict[str, str] = {}
    dropped: set[str] = set()
    for matcher in aggregation.range.logs.matchers:
        if matcher.op == "=" and matcher.name not in labels:
            labels[matcher.name] = matcher.value
        else:
            dropped.add(matcher.name)
    known = tuple(sorted((name, value) for name, value in labels.items() if value and name not in dropped))
    return lambda at: [] if present(at) else [(known, 1.0)]


def _is_failed(labels: Labels) -> bool:
    found = dict(labels)
    return ERROR in found and found.get(PRESERVE_ERROR) != "true"


def _pipeline_error(labels: Labels) -> QueryError:
    kind = dict(labels)[ERROR]
    shown = ", ".join(f'{name}="{value}"' for name, value in labels)
    return QueryError(
        f"pipeline error: '{kind}' for series: '{{{shown}}}'.\n"
        f'Use a label filter to intentionally skip this error. (e.g | __error__!="{kind}").\n'
        'To skip all potential errors you can match empty errors.(e.g __error__="")\n'
        'The label filter can also be specified after unwrap. (e.g | unwrap latency | __error__="" )\n'
    )
