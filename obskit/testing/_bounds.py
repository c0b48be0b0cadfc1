"""Looks for label values that have no bound: each makes a series that stays for the life of the process."""

import re
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric as Family

from obskit.catalog import HTTP_METHODS, LABELS, OTHER, OVERFLOW
from obskit.config import LEVELS
from obskit.testing._metrics import Source

__all__ = ["assert_no_unbounded_labels", "unbounded_labels"]

_MOST_EXAMPLES = 3
_LONG = 120
_ONE_A_PROCESS = frozenset({"version", "revision", "implementation", "major", "minor", "patchlevel"})
_SKIPPED = frozenset({"le", "quantile", "service_name", "generation"})

_CLOSED: Mapping[str, frozenset[str]] = {
    "http_request_method": HTTP_METHODS | {OTHER},
    "level": frozenset(LEVELS),
    "signal": frozenset({"logs", "traces", "metrics"}),
}
_STATUS_LABEL = "http_response_status_code"
_STATUS = re.compile(r"|[1-5]\d\d")
_PATTERNS = (
    ("a UUID", re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)),
    ("an e-mail address", re.compile(r"[^\s@/]+@[^\s@/]+\.[A-Za-z]{2,}")),
    ("a time", re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")),
    (
        "an id in hex",
        re.compile(r"(?<![0-9A-Za-z])(?=[0-9a-f]*\d)[0-9a-f]{16,}(?![0-9A-Za-z])", re.IGNORECASE),
    ),
    ("a number", re.compile(r"(?:^|[/=:?&,\s#-])-?\d+(?:\.\d+)?(?=$|[/=:?&,\s#])")),
    ("a query string", re.compile(r"\?[^=\s]+=")),
)
_PATTERNS_BUT_NUMBERS = tuple(each for each in _PATTERNS if each[0] != "a number")
# Host names, addresses and ports hold digits, and a bound of their own: what the code calls.
_MAY_HOLD_NUMBERS = frozenset(
    {"server_address", "db_client_connection_pool_name", _STATUS_LABEL, "error_type"}
)


def assert_no_unbounded_labels(registry: CollectorRegistry, *, max_series: int = 200) -> None:
    """Fail when a metric of *registry* has a label whose values have no bound.

    Looked for: values outside the bound that the catalogue gives the label; UUIDs, e-mail
    addresses, ids, times, numbers and query strings; a metric that reached its series cap.
    Send requests with different ids, paths and users first: what only one value was seen
    of cannot be told apart from a name.

    Args:
        registry: ``obs.registry`` of the service under test.
        max_series: label sets that one metric may have in this test.

    Raises:
        AssertionError: a label has no bound; the text names metric, label, values and the fix.
    """
    __tracebackhide__ = True
    found = list(unbounded_labels(registry, max_series=max_series))
    if found:
        listed = "\n".join(f"  - {each}" for each in found)
        raise AssertionError(f"labels without a bound:\n{listed}")  # noqa: EM102 - one long text


def unbounded_labels(source: Source, *, max_series: int = 200) -> Iterator[str]:
    """Yield one sentence for each label without a bound, and for each metric with too many series."""
    for family in source.collect():
        label_sets = {
            tuple(sorted((name, value) for name, value in sample.labels.items() if name not in _SKIPPED))
            for sample in family.samples
        }
        yield from _of_labels(family, label_sets)
        if len(label_sets) > max_series:
            yield (
                f"{family.name} has {len(label_sets)} label sets, {max_series} are allowed here; "
                f"the label with most values is {_widest(label_sets)}."
            )


def _of_labels(family: Family, label_sets: Iterable[tuple[tuple[str, str], ...]]) -> Iterator[str]:
    values: dict[str, set[str]] = {}
    for labels in label_sets:
        for name, value in labels:
            values.setdefault(name, set()).add(value)
    for name in sorted(values):
        reasons: dict[str, list[str]] = {}
        for value in sorted(values[name]):
            reason = _why_unbounded(name, value)
            if reason is not None:
                reasons.setdefault(reason, []).append(value)
        for reason, examples in reasons.items():
            yield _sentence(family.name, name, reason, examples)


def _why_unbounded(name: str, value: str) -> str | None:
    """Return why *value* says that the label *name* has no bound, or None."""
    if value == OVERFLOW:
        return "the metric reached its series cap"
    if name in _ONE_A_PROCESS or not value:
        return None
    if value not in _CLOSED.get(name, {value}) or (name == _STATUS_LABEL and not _STATUS.fullmatch(value)):
        return f"outside its bound ({LABELS[name]})"
    if len(value) > _LONG:
        return f"longer than {_LONG} characters"
    patterns = _PATTERNS if name not in _MAY_HOLD_NUMBERS else _PATTERNS_BUT_NUMBERS
    what = next((what for what, pattern in patterns if pattern.search(value)), None)
    return None if what is None else f"holds {what}"


def _sentence(metric: str, label: str, reason: str, examples: list[str]) -> str:
    shown = ", ".join(
        repr(value if len(value) <= _LONG else f"{value[:_LONG]}...") for value in examples[:_MOST_EXAMPLES]
    )
    more = f" and {len(examples) - _MOST_EXAMPLES} more" if len(examples) > _MOST_EXAMPLES else ""
    return (
        f"{metric}{{{label}}}: {reason}: {shown}{more}. Put the template or the kind there, "
        "and the value itself on the log line or the span."
    )


def _widest(label_sets: set[tuple[tuple[str, str], ...]]) -> str:
    values: dict[str, set[str]] = {}
    for labels in label_sets:
        for name, value in labels:
            values.setdefault(name, set()).add(value)
    name = max(values, key=lambda each: len(values[each]))
    return f"{name!r} ({len(values[name])} values)"
