"""Takes the samples of a range aggregation out of the lines: one series a set of labels."""

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from obskit.embedded.logs._errors import QueryError
from obskit.embedded.logs.logql import _ast, _units
from obskit.embedded.logs.logql._conditions import Stage, condition, names_in
from obskit.embedded.logs.logql._hints import hints_for
from obskit.embedded.logs.logql._line import DUPLICATE, ERROR, Labels, Line
from obskit.embedded.logs.logql._pushdown import Pushed, pushed_down
from obskit.embedded.logs.logql._select import check_matchers, metadata_of
from obskit.embedded.logs.logql._source import Deadline, Row, Source, Stream, Wanted
from obskit.embedded.logs.logql._stages import pipeline, required_labels

__all__ = ["Series", "collect"]

MAX_SAMPLES = 5_000_000
_LOOK = 1024
_PARSERS = _ast.Json | _ast.Logfmt | _ast.Regexp | _ast.Pattern
_READ: dict[str, Callable[[str], float]] = {
    "float": _units.go_float,
    "duration": lambda text: _units.go_duration(text) / _units.SECOND,
    "bytes": lambda text: float(_units.size_in_bytes(text)),
}
_INJECTED = {"bytes_over_time", "bytes_rate", "sum_over_time", "rate", "count_over_time"}


@dataclass(slots=True)
class Series:
    """The samples of one set of labels: times in nanoseconds and values, in order of time."""

    times: "array[int]" = field(default_factory=lambda: array("q"))
    values: "array[float]" = field(default_factory=lambda: array("d"))

    def sort(self) -> None:
        """Put the samples in order of time; they come stream by stream."""
        if any(self.times[place] > self.times[place + 1] for place in range(len(self.times) - 1)):
            order = sorted(range(len(self.times)), key=self.times.__getitem__)
            self.times = array("q", [self.times[place] for place in order])
            self.values = array("d", [self.values[place] for place in order])


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a line becomes a sample, and with which labels."""

    stages: list[Stage]
    value: Callable[[Line], float | None]
    grouping: _ast.Grouping | None
    no_labels: bool
    pushed: Pushed
    constant: float | None = None
    heeded: tuple[str, ...] | None = None
    """What metadata must mention to matter; None when every line has to be looked at."""

    def heeds(self, metadata: str | None) -> bool:
        """Return whether the labels or value of a line may depend on more than its stream and size."""
        if self.heeded is None:
            return True
        return metadata is not None and any(name in metadata for name in self.heeded)


def collect(
    aggregation: _ast.RangeAggregation,
    outer: _ast.VectorAggregation | None,
    window: tuple[int, int],
    source: Source,
    deadline: Deadline,
) -> dict[Labels, Series]:
    """Return the series of *aggregation* with the samples in *window*, from after its start to its end.

    *outer* is the vector aggregation around it, whose grouping is used at once where it may be.

    Raises:
        QueryError: the query cannot be answered.
    """
    logs = aggregation.range.logs
    check_matchers(logs.matchers)
    plan = _plan(aggregation, _injected(aggregation, outer))
    found: dict[Labels, Series] = {}
    count, pushed = 0, plan.pushed
    wanted = Wanted(
        window[0] + 1,
        window[1] + 1,
        holds=pushed.holds,
        lacks=pushed.lacks,
        mentions=pushed.mentions,
        needs_text=plan.constant is None or plan.heeded is None or bool(pushed.tests),
    )
    for stream in source.streams(logs.matchers):
        count += _collect_stream(plan, stream, source.rows(stream, wanted), deadline, found)
        if count > MAX_SAMPLES:
            msg = f"the query reads more than {MAX_SAMPLES} samples; ask for less time or fewer streams"
            raise QueryError(msg)
    for series in found.values():
        series.sort()
    return found


def _collect_stream(
    plan: _Plan,
    stream: Stream,
    rows: Iterator[Row],
    deadline: Deadline,
    found: dict[Labels, Series],
) -> int:
    pushed, line, count = plan.pushed, Line(stream.labels), 0
    plain = _labels(line, plan)
    for ts, text, metadata in rows:
        count += 1
        if count % _LOOK == 0:
            deadline.check()
            if count > MAX_SAMPLES:
                break
        if pushed.tests and not all(test(text) for test in pushed.tests):
            continue
        labels, value = plain, plan.constant
        if plan.heeds(metadata):
            line.begin(ts, text, metadata_of(metadata))
            if not all(stage(line) for stage in plan.stages):
                continue
            value = plan.value(line)
            if value is None:
                continue
            labels = _labels(line, plan)
        elif value is None:
            value = _size(text)
        series = found.get(labels)
        if series is None:
            series = found[labels] = Series()
        series.times.append(ts)
        series.values.append(value)
    return count


def _injected(
    aggregation: _ast.RangeAggregation, outer: _ast.VectorAggregation | None
) -> _ast.Grouping | None:
    if outer is None or outer.op != "sum" or aggregation.op not in _INJECTED:
        return None
    return outer.grouping if aggregation.grouping is None else None


def _plan(aggregation: _ast.RangeAggregation, injected: _ast.Grouping | None) -> _Plan:
    grouping = injected or aggregation.grouping
    by_nothing = grouping is not None and not grouping.names and not grouping.without
    no_labels = aggregation.op == "absent_over_time" or by_nothing
    stages = _needed(aggregation)
    unwrap = aggregation.range.unwrap
    without = grouping is not None and grouping.without
    names = grouping.names if grouping is not None else ()
    seen = required_labels(stages)
    if unwrap is not None:
        for part in unwrap.filters:
            seen += names_in(part)
        if not names or without:
            names, without = (*names, unwrap.label), True
    label = unwrap.label if unwrap is not None else ""
    hints = hints_for(seen, names, label, without=without, no_labels=no_labels)
    pushed = pushed_down(stages)
    made = _ast.Grouping(names, without=without) if names else None
    compiled = pipeline(pushed.stages, hints)
    if unwrap is not None:
        return _Plan(compiled, _unwrapped(unwrap), made, no_labels, pushed)
    counts_bytes = aggregation.op in {"bytes_over_time", "bytes_rate"}
    value = _size_of if counts_bytes else _one
    heeded = None if compiled else _heeded(made, no_labels=no_labels)
    return _Plan(compiled, value, made, no_labels, pushed, None if counts_bytes else 1.0, heeded)


def _heeded(grouping: _ast.Grouping | None, *, no_labels: bool) -> tuple[str, ...] | None:
    """Return the names by which metadata can change the labels of a series."""
    if no_labels:
        return (ERROR,)
    if grouping is None or grouping.without:
        return None
    return (ERROR, *(name.removesuffix(DUPLICATE) for name in grouping.names))


def _needed(aggregation: _ast.RangeAggregation) -> Sequence[_ast.Stage]:
    """Return the stages without the line_formats that change nothing that is counted."""
    stages = aggregation.range.logs.stages
    if aggregation.op in {"bytes_over_time", "bytes_rate"}:
        return stages
    return [
        stage
        for place, stage in enumerate(stages)
        if not isinstance(stage, _ast.LineFormat)
        or any(isinstance(later, _PARSERS | _ast.LineFilter) for later in stages[place:])
    ]


def _one(_line: Line) -> float:
    return 1.0


def _size_of(line: Line) -> float:
    return _size(line.text)


def _size(text: str) -> float:
    return float(len(text) if text.isascii() else len(text.encode()))


def _unwrapped(unwrap: _ast.Unwrap) -> Callable[[Line], float | None]:
    read, label = _READ[unwrap.conversion], unwrap.label
    filters = [stage for stage in map(condition, unwrap.filters) if stage is not None]

    def value(line: Line) -> float | None:
        text = line.get(label)
        if not text:
            return None
        number = 0.0
        try:
            number = read(text)
        except ValueError as error:
            line.fail("SampleExtractionErr", str(error))
        return number if all(stage(line) for stage in filters) else None

    return value


def _labels(line: Line, plan: _Plan) -> Labels:
    if line.error:
        return tuple(sorted(line.all().items()))
    if plan.no_labels:
        return ()
    grouping = plan.grouping
    if grouping is None:
        return tuple(sorted(line.all().items()))
    names = grouping.names
    if grouping.without:
        return tuple(sorted((name, value) for name, value in line.all().items() if name not in names))
    found = ((name, None if name in line.deleted else line.get(name)) for name in names)
    return tuple(sorted((name, value) for name, value in found if value is not None))
