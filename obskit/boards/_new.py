"""Writes the skeleton of a board for somebody's own metrics."""

import re
from collections.abc import Iterable
from http.client import HTTPException
from pathlib import Path
from typing import Literal
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

from prometheus_client.parser import text_string_to_metric_families

from obskit.boards._foreign import FOREIGN
from obskit.catalog import METRICS, SERVICE_LABEL, Metric
from obskit.errors import ConfigError, StackError

__all__ = ["described", "exposed", "skeleton", "write_board"]

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_METRIC = re.compile(
    r"(?P<name>[a-zA-Z_][a-zA-Z0-9_]*):(?P<type>counter|gauge|histogram)(?P<labels>(?::\w+)*)"
)
_TYPES: dict[str, Literal["counter", "gauge", "histogram"]] = {
    "counter": "counter",
    "gauge": "gauge",
    "histogram": "histogram",
}
_THEIRS = ("process_", "python_", "go_", "promhttp_")
_TARGET = frozenset({SERVICE_LABEL, "instance", "job", "le"})
_TIMEOUT_S = 10
_MOST = 24


def described(texts: Iterable[str]) -> tuple[Metric, ...]:
    """Return the metrics that *texts* name, each as ``name:type`` or ``name:type:label:label``.

    Raises:
        ConfigError: one has another form.
    """
    return tuple(_described(text) for text in texts)


def _described(text: str) -> Metric:
    found = _METRIC.fullmatch(text)
    if found is None:
        msg = f"{text!r} does not name a metric; write name:type:label, with the type counter, gauge or histogram."
        raise ConfigError(msg)
    kind = _TYPES[found["type"]]
    return Metric(found["name"], kind, "", tuple(filter(None, found["labels"].split(":"))))


def exposed(url: str) -> tuple[Metric, ...]:
    """Return the metrics of the page *url* that neither obskit nor its libraries make.

    Raises:
        ConfigError: *url* is not an HTTP address.
        StackError: it cannot be read, or has no such metric.
    """
    if urlsplit(url).scheme not in {"http", "https"}:
        msg = f"{url!r} is not the address of a page of metrics; write it as http://host:port/metrics."
        raise ConfigError(msg)
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=_TIMEOUT_S) as answer:
            found = tuple(_families(answer.read().decode()))
    except (URLError, OSError, HTTPException, ValueError) as error:
        msg = f"{url} cannot be read as a page of metrics ({error})."
        raise StackError(msg, fix="Start the service, and check the address.") from error
    if not found:
        msg = f"{url} has no metrics of the service's own."
        raise StackError(msg, fix="Make one with prometheus_client, or name it: --metric name:type:label")
    return found[:_MOST]


def _families(page: str) -> Iterable[Metric]:
    for family in text_string_to_metric_families(page):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        known = name in METRICS or name in FOREIGN or name.startswith(_THEIRS)
        if known or family.type not in _TYPES or name.endswith("_created"):
            continue
        labels = sorted({label for sample in family.samples for label in sample.labels} - _TARGET)
        bounds = {float(s.labels["le"]) for s in family.samples if s.name.endswith("_bucket")}
        kind = _TYPES[family.type]
        buckets = tuple(sorted(bounds - {float("inf")}))
        yield Metric(name, kind, family.documentation, tuple(labels), buckets)


def write_board(name: str, metrics: tuple[Metric, ...], folder: Path) -> Path:
    """Write the skeleton of the board *name* into *folder* and return its file.

    Raises:
        ConfigError: the name has another form, there is no metric, or the file is there already.
    """
    if not _NAME.fullmatch(name):
        msg = (
            f"{name!r} cannot name a board; use small letters, digits and single dashes, such as shop-orders."
        )
        raise ConfigError(msg)
    if not metrics:
        msg = "A board needs metrics; give --url of a /metrics page, or --metric name:type:label."
        raise ConfigError(msg)
    path = folder / f"{name.replace('-', '_')}.py"
    if path.exists():
        msg = f"{path} is there already; choose another name, or remove it."
        raise ConfigError(msg)
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(skeleton(name, metrics), encoding="utf-8")
    return path


def skeleton(name: str, metrics: tuple[Metric, ...]) -> str:
    """Return the source of a board with one number for the first metrics and one graph for each."""
    title = name.replace("-", " ").capitalize()
    numbers = ", ".join(f"_number({_constant(one)})" for one in metrics[:6])
    graphs = ", ".join(f"_graph({_constant(one)})" for one in metrics)
    first = metrics[0]
    label = first.labels[0] if first.labels else "instance"
    return _SKELETON.format(
        title=title,
        name=name,
        metrics="\n".join(f"{_constant(one)} = {_written(one)}" for one in metrics),
        all=", ".join(_constant(one) for one in metrics),
        first=_constant(first),
        label=label,
        numbers=f"({numbers},)",
        graphs=f"({graphs},)",
    )


def _constant(metric: Metric) -> str:
    return metric.name.upper()


def _written(metric: Metric) -> str:
    parts = [repr(metric.name), repr(metric.type), repr(metric.help), repr(metric.labels)]
    return f"Metric({', '.join(parts)})"


_SKELETON = '''"""{title}: say in one line what the board is about."""

from obskit import boards as kit
from obskit.boards import SERVICE, About, Board, Line, Onward, Panel, Row, Scale
from obskit.catalog import Metric

{metrics}

_ALL = (kit.logs_link(), kit.traces_link())
_LINE = (kit.logs_link(kit.series("service_name")), kit.traces_link(kit.series("service_name")))
_NEXT = (kit.next_board("service", "Service RED"),)
_WHERE = (SERVICE, '{label}=~"${label}"')


def board() -> Board:
    """Return the board."""
    return Board(
        name="{name}",
        title="{title}",
        question="What does this board answer?",
        how_to_read="Numbers first, their course below.",
        when_paged="Say where to look first.",
        metrics=({all},),
        variables=(
            kit.services({first}),
            kit.pick("{label}", "{label}", {first}, "{label}", SERVICE),
        ),
        rows=(
            Row("", {numbers}),
            Row("Over time", {graphs}),
        ),
    )


def _about(metric: Metric, what: str) -> About:
    # Say what is normal and what to do: people read it when they are paged.
    return About(f"{{metric.name}}: {{what}}", metric.help or metric.name, "Say what is normal.", "Say what to do.", none="no data")


def _where(metric: Metric) -> tuple[str, ...]:
    return _WHERE if "{label}" in (*metric.labels, "instance") else (SERVICE,)


def _now(metric: Metric, by: tuple[str, ...] = ()) -> str:
    if metric.type == "histogram":
        return kit.quantile(0.95, metric, *_where(metric), by=by)
    if metric.type == "counter":
        return kit.per_second(metric, *_where(metric), by=by)
    return kit.total(metric, *_where(metric), by=by)


def _scale(metric: Metric) -> Scale:
    if metric.type == "counter":
        return Scale("ops")
    return Scale("s" if metric.name.endswith("_seconds") else "bytes" if metric.name.endswith("_bytes") else "short")


def _number(metric: Metric) -> Panel:
    return kit.number(_about(metric, "now"), _now(metric), _scale(metric), Onward(_ALL, boards=_NEXT))


def _graph(metric: Metric) -> Panel:
    of = (Line(_now(metric, ("service_name", *metric.labels[:1])), _legend(metric)),)
    draw = kit.latency if metric.type == "histogram" else kit.graph
    return draw(_about(metric, "over time"), of, _scale(metric), Onward(_LINE), width=12)


def _legend(metric: Metric) -> str:
    return " ".join("{{{{" + label + "}}}}" for label in ("service_name", *metric.labels[:1]))
'''
