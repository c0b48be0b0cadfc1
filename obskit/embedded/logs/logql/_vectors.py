"""What vector aggregations and binary operations make of the samples of one step."""

import math
from collections.abc import Callable, Sequence

from obskit.embedded.logs._errors import QueryError
from obskit.embedded.logs.logql import _ast
from obskit.embedded.logs.logql._arithmetic import COMPARISONS, calculate
from obskit.embedded.logs.logql._line import Labels

__all__ = ["Step", "aggregated", "merged", "with_number"]

Vector = list[tuple[Labels, float]]
Step = Callable[[int], Vector]
"""Returns the samples at a time in nanoseconds."""


def _grouper(grouping: _ast.Grouping) -> Callable[[Labels], Labels]:
    names, cache = frozenset(grouping.names), dict[Labels, Labels]()

    def group(labels: Labels) -> Labels:
        found = cache.get(labels)
        if found is None:
            if grouping.without:
                found = tuple((name, value) for name, value in labels if value and name not in names)
            else:
                found = tuple((name, value) for name, value in labels if name in names)
            cache[labels] = found
        return found

    return group


def aggregated(aggregation: _ast.VectorAggregation, inner: Step) -> Step:
    """Return the steps of a vector aggregation over the steps *inner*."""
    group, op, count = _grouper(aggregation.grouping), aggregation.op, aggregation.parameter

    def step(at: int) -> Vector:
        groups: dict[Labels, Vector] = {}
        for labels, value in inner(at):
            groups.setdefault(group(labels), []).append((labels, value))
        if op in _RANKED:
            falling, all_of_them = _RANKED[op]
            ranked = (_rank(vector, falling=falling) for vector in groups.values())
            return [sample for vector in ranked for sample in (vector if all_of_them else vector[:count])]
        reduce = _REDUCERS[op]
        return [(labels, reduce([value for _, value in vector])) for labels, vector in groups.items()]

    return step


_RANKED = {"topk": (True, False), "bottomk": (False, False), "sort": (False, True), "sort_desc": (True, True)}


def _rank(vector: Vector, *, falling: bool) -> Vector:
    sign = -1 if falling else 1
    return sorted(vector, key=lambda sample: (math.isnan(sample[1]), sign * sample[1]))


def _mean(values: Sequence[float]) -> float:
    mean = 0.0
    for count, value in enumerate(values, start=1):
        mean = value if count == 1 else mean + (value - mean) / count
    return mean


def _variance(values: Sequence[float]) -> float:
    mean, total = values[0], 0.0
    for count, value in enumerate(values[1:], start=2):
        delta = value - mean
        mean += delta / count
        total += delta * (value - mean)
    return total / len(values)


def _most(values: Sequence[float]) -> float:
    most = values[0]
    for value in values:
        if most < value or math.isnan(most):
            most = value
    return most


def _least(values: Sequence[float]) -> float:
    least = values[0]
    for value in values:
        if least > value or math.isnan(least):
            least = value
    return least


_REDUCERS: dict[str, Callable[[Sequence[float]], float]] = {
    "sum": lambda values: float(sum(values)),
    "avg": _mean,
    "max": _most,
    "min": _least,
    "count": lambda values: float(len(values)),
    "stdvar": _variance,
    "stddev": lambda values: math.sqrt(variance) if (variance := _variance(values)) >= 0 else math.nan,
}


def with_number(binary: _ast.Binary, inner: Step, number: float, *, number_is_left: bool) -> Step:
    """Return the steps of an operation between the steps *inner* and a number."""
    op, returns_bool = binary.op, binary.matching.returns_bool

    def step(at: int) -> Vector:
        made: Vector = []
        for labels, value in inner(at):
            left, right = (number, value) if number_is_left else (value, number)
            outcome = _outcome(op, left, right, kept=value, returns_bool=returns_bool)
            if outcome is not None:
                made.append((labels, outcome))
        return made

    return step


def _outcome(op: str, left: float, right: float, *, kept: float, returns_bool: bool) -> float | None:
    if op not in COMPARISONS:
        return calculate(op, left, right)
    holds = COMPARISONS[op](left, right)
    if returns_bool:
        return 1.0 if holds else 0.0
    return kept if holds else None


def merged(binary: _ast.Binary, left: Step, right: Step) -> Step:
    """Return the steps of an operation between two vectors."""
    signature = _signature(binary.matching)
    if binary.op in _SETS:
        combine = _SETS[binary.op]
        return lambda at: combine(left(at), right(at), signature)
    return lambda at: _matched(binary, left(at), right(at), signature)


def _signature(matching: _ast.Matching) -> Callable[[Labels], Labels]:
    return _grouper(_ast.Grouping(matching.names, without=not matching.on))


def _and(left: Vector, right: Vector, signature: Callable[[Labels], Labels]) -> Vector:
    found = {signature(labels) for labels, _ in right}
    return [sample for sample in left if signature(sample[0]) in found]


def _or(left: Vector, right: Vector, signature: Callable[[Labels], Labels]) -> Vector:
    found = {signature(labels) for labels, _ in left}
    return left + [sample for sample in right if signature(sample[0]) not in found]


def _unless(left: Vector, right: Vector, signature: Callable[[Labels], Labels]) -> Vector:
    found = {signature(labels) for labels, _ in right}
    return [sample for sample in left if signature(sample[0]) not in found]


_SETS = {"and": _and, "or": _or, "unless": _unless}


def _matched(
    binary: _ast.Binary, left: Vector, right: Vector, signature: Callable[[Labels], Labels]
) -> Vector:
    matching = binary.matching
    swapped = matching.group == "right"
    many, one = (right, left) if swapped else (left, right)
    partners = _unique(one, signature, side="left" if swapped else "right")
    seen: dict[Labels, set[Labels]] = {}
    made: Vector = []
    for labels, value in many:
        key = signature(labels)
        if key not in partners:
            continue
        partner_labels, partner = partners[key]
        result = _result_labels(labels, partner_labels, matching)
        _check_match(seen, key, result, grouped=bool(matching.group))
        first, second = (partner, value) if swapped else (value, partner)
        outcome = _outcome(binary.op, first, second, kept=first, returns_bool=matching.returns_bool)
        if outcome is not None:
            made.append((result, outcome))
    return made


def _unique(
    vector: Vector, signature: Callable[[Labels], Labels], *, side: str
) -> dict[Labels, tuple[Labels, float]]:
    found: dict[Labels, tuple[Labels, float]] = {}
    for sample in vector:
        key = signature(sample[0])
        if key in found:
            msg = (
                f"found duplicate series on the {side} hand-side;many-to-many matching not allowed: "
                "matching labels must be unique on one side"
            )
            raise QueryError(msg)
        found[key] = sample
    return found


def _check_match(seen: dict[Labels, set[Labels]], key: Labels, result: Labels, *, grouped: bool) -> None:
    msg = ""
    if key in seen and not grouped:
        msg = "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
    elif result in seen.get(key, ()):
        msg = "multiple matches for labels: grouping labels must ensure unique matches"
    if msg:
        raise QueryError(msg)
    seen.setdefault(key, set()).add(result)


def _result_labels(labels: Labels, partner: Labels, matching: _ast.Matching) -> Labels:
    made = {name: value for name, value in labels if value}
    if not matching.group:
        made = {name: value for name, value in made.items() if (name in matching.names) == matching.on}
    others = dict(partner)
    for name in matching.include:
        made.pop(name, None)
        if others.get(name):
            made[name] = others[name]
    return tuple(sorted(made.items()))
