"""Sends the requests of the checks and compares what came out."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.parser import text_string_to_metric_families

from obskit.asgi._endpoints import ENDPOINTS
from obskit.testing._bounds import unbounded_labels
from obskit.testing._capture import Capture
from obskit.testing._logs import LogLine
from obskit.testing._metrics import CapturedMetrics
from obskit.testing._spans import CapturedSpan
from obskit.testing.acceptance._model import Check, MetricChange, Request, Result
from obskit.testing.acceptance._values import ABSENT, Expected

if TYPE_CHECKING:
    import httpx

__all__ = ["run_checks"]

_SERVER_ERRORS = 500
_LOOKS = 20
_LOOK_S = 0.1
_ACCESS = "http.request"


@dataclass(frozen=True, slots=True)
class _Page:
    """The metrics of another process, as they were when it was asked."""

    families: Sequence[Family]

    def collect(self) -> Iterable[Family]:
        """Give the families."""
        return self.families


class _Metrics:
    """The metrics of the service: in this process, or on its page."""

    def __init__(self, client: "httpx.AsyncClient", captured: Capture | None) -> None:
        self._client = client
        self._captured = captured

    async def now(self) -> CapturedMetrics:
        if self._captured is not None:
            page = _Page(list(self._captured.telemetry.registry.collect()))
        else:
            answer = await self._client.get("/metrics", headers={"accept": "text/plain"})
            page = _Page(list(text_string_to_metric_families(answer.text)))
        return CapturedMetrics(lambda: page)

    async def unbounded(self) -> list[str]:
        return list(unbounded_labels((await self.now()).source))


async def run_checks(
    checks: Sequence[Check], client: "httpx.AsyncClient", captured: Capture | None
) -> list[Result]:
    """Run *checks* in order; without *captured* only what is visible from outside is compared."""
    metrics = _Metrics(client, captured)
    results = [await _run(check, client, captured, metrics) for check in checks]
    labels = (
        await metrics.unbounded() if captured is not None or any(check.metrics for check in checks) else []
    )
    return [*results, Result("every label has a bound", tuple(labels))]


async def _run(
    check: Check, client: "httpx.AsyncClient", captured: Capture | None, metrics: _Metrics
) -> Result:
    if captured is not None:
        captured.clear()
    before = await metrics.now() if check.metrics else None
    answer = await _send(client, check.request)
    problems = [*_of_answer(check, answer)]
    if captured is not None:
        problems += _of_signals(check, captured, answer)
    if before is not None:
        problems += await _of_metrics(check, before, metrics, looks=1 if captured is not None else _LOOKS)
    unseen = () if captured is not None else _unseen(check)
    return Result(check.name, tuple(problems), unseen)


async def _send(client: "httpx.AsyncClient", request: Request) -> "httpx.Response":
    return await client.request(
        request.method, request.path, headers=request.headers, json=request.json, content=request.body
    )


def _unseen(check: Check) -> tuple[str, ...]:
    return tuple(name for name in ("access_line", "logs", "span") if getattr(check, name))


def _of_answer(check: Check, answer: "httpx.Response") -> Iterator[str]:
    if check.status is None and answer.status_code >= _SERVER_ERRORS:
        yield f"status: {answer.status_code}, and the check says nothing of a server error"
    if check.status is not None and not check.status.is_met_by(answer.status_code):
        yield f"status: expected {check.status}, got {answer.status_code}"
    for name, wanted in check.headers.items():
        actual: Any = answer.headers.get(name, ABSENT)
        known = Expected("is", str(wanted.value)) if wanted.kind == "is" else wanted
        if not known.is_met_by(actual):
            yield f"headers.{name}: expected {wanted}, got {_shown(actual)}"
    if check.body is not None:
        try:
            body = answer.json()
        except ValueError:
            body = answer.text
        if not check.body.is_met_by(body):
            yield f"body: expected {check.body}, got {_shown(body)}"


def _of_signals(check: Check, captured: Capture, answer: "httpx.Response") -> Iterator[str]:
    if check.request.path.partition("?")[0] in ENDPOINTS:
        return
    spans, lines = captured.spans.all(kind="SERVER"), captured.logs.all(event=_ACCESS)
    if len(spans) != 1:
        made = ", ".join(f"{span.name} by {span.scope}" for span in spans) or "none"
        yield f"span: one SERVER span a request is expected, there are {len(spans)} ({made})"
    if len(lines) != 1:
        yield f"access_line: one line {_ACCESS} a request is expected, there are {len(lines)}"
    if len(spans) == len(lines) == 1 and lines[0].get("trace_id") != spans[0].trace_id:
        yield "access_line: its trace_id is not the SERVER span's"
    if "x-request-id" not in answer.headers:
        yield "headers.x-request-id: the answer has none"
    for line in lines[:1]:
        yield from _of_fields("access_line", check.access_line, line)
    for span in spans[:1]:
        yield from _of_fields("span", check.span, _flat(span))
    for number, wanted in enumerate(check.logs):
        yield from _of_lines(f"logs[{number}]", wanted, list(captured.logs))


def _flat(span: CapturedSpan) -> dict[str, Any]:
    return {**span.attributes, "name": span.name, "kind": span.kind, "status": span.status}


def _of_fields(where: str, wanted: Mapping[str, Expected], actual: Mapping[str, Any]) -> Iterator[str]:
    for name, each in wanted.items():
        value = actual.get(name, ABSENT)
        if not each.is_met_by(value):
            yield f"{where}.{name}: expected {each}, got {_shown(value)}"


def _of_lines(where: str, wanted: Mapping[str, Expected], lines: Sequence[LogLine]) -> Iterator[str]:
    if not any(
        all(each.is_met_by(line.get(name, ABSENT)) for name, each in wanted.items()) for line in lines
    ):
        asked = ", ".join(f"{name} {each}" for name, each in wanted.items())
        events = ", ".join(str(line["event"]) for line in lines) or "nothing"
        yield f"{where}: no line has {asked}; logged were {events}"


async def _of_metrics(check: Check, before: CapturedMetrics, metrics: _Metrics, *, looks: int) -> list[str]:
    """Compare; a page of another process may be written a moment after its answer is read."""
    problems: list[str] = []
    for look in range(looks):
        if look:
            await asyncio.sleep(_LOOK_S)
        after = await metrics.now()
        problems = [
            problem
            for number, change in enumerate(check.metrics)
            for problem in _of_change(f"metrics[{number}]", change, before, after)
        ]
        if not problems:
            break
    return problems


def _of_change(
    where: str, wanted: MetricChange, before: CapturedMetrics, after: CapturedMetrics
) -> Iterator[str]:
    try:
        now = after.value(wanted.metric, **wanted.labels)
    except AssertionError as error:
        yield f"{where}: {error}"
        return
    try:
        change = now - before.value(wanted.metric, **wanted.labels)
    except AssertionError:  # the first request of all makes the metric
        change = now
    if not wanted.change.is_met_by(change):
        labels = ", ".join(f"{name}={value!r}" for name, value in wanted.labels.items())
        yield f"{where}: {wanted.metric}{{{labels}}}: expected a change of {wanted.change}, got {change:g}"


def _shown(value: Any) -> str:
    return "none" if value is ABSENT else repr(value)[:200]
