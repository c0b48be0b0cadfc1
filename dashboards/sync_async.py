"""Sync against async: what the caller waits for, and when the work is done."""

from obskit import boards as kit
from obskit.boards import RANGE, SERVICE, About, Board, Column, Line, Onward, Panel, Row, Scale
from obskit.catalog import (
    CLIENT_DURATION,
    CONSUMED,
    FLOW_DURATION,
    PROCESS_DURATION,
    REDELIVERED,
    Metric,
)

_SYNC = (SERVICE, 'url_template="$sync_call"')
_ASYNC = (SERVICE, 'url_template="$async_call"')
_DONE = ('messaging_destination_name="$done_event"',)
_QUEUE = ('messaging_destination_name=~"$queue"',)
_BY_QUEUE = ("messaging_destination_name",)

_FAILURES = Scale("percentunit", kit.at(*kit.limits("AvailabilityBudgetBurn")))
_ANSWER = Scale("s", kit.at(None, kit.slow_after_s()))
_BOOKS = ("AvailabilityBudgetBurn",)
_SLOW_BOOKS = ("LatencyBudgetBurn",)

_ANY = ".+"
_SYNC_LINKS = (kit.logs_link(), kit.traces_link(kit.CHOSEN, 'span.url.template="${sync_call:percentencode}"'))
_ASYNC_LINKS = (
    kit.logs_link(),
    kit.traces_link(kit.CHOSEN, 'span.url.template="${async_call:percentencode}"'),
)
_DONE_LINKS = (
    kit.logs_link(_ANY, pipeline=' | json | event="message.failed"', title="Messages that failed"),
    kit.traces_link(
        _ANY,
        "kind=consumer",
        'span.messaging.destination.name="$done_event"',
        title="Traces of finished work",
    ),
)
_BOTH_LINKS = (kit.logs_link(), kit.traces_link(kit.CHOSEN))


def _queue_links(queue: str) -> tuple[kit.Link, ...]:
    consumed = f'span.messaging.destination.name="{queue}"'
    return (
        kit.logs_link(_ANY, pipeline=f' | json | destination="{queue}"', title="Logs about these messages"),
        kit.traces_link(_ANY, "kind=consumer", consumed, title="Traces of these messages"),
    )


_LINE_LINKS = _queue_links(kit.series("messaging_destination_name"))


def board() -> Board:
    """Return the board."""
    return Board(
        name="sync-async",
        title="Sync and async",
        question="What does the caller wait for, and when is the work done: over a synchronous call and over a queue?",
        how_to_read=(
            "Both do the same work. A sync answer means that it is done; an async answer means that it is "
            "accepted, and it is done when **Done event** has been handled. Async lines are dashed."
        ),
        when_paged=(
            "See **Failures** for what callers notice. If only the work is late, **Where the async time goes** "
            "tells whether publishing, waiting or handling takes it."
        ),
        variables=(
            kit.services(CLIENT_DURATION, label="Caller"),
            _call("sync_call", "Sync call", "sync"),
            _call("async_call", "Async call", "async"),
            kit.choose("done_event", "Done event", "orders.reserved", FLOW_DURATION, *_BY_QUEUE),
            kit.pick("queue", "Queues", PROCESS_DURATION, *_BY_QUEUE),
        ),
        rows=(
            Row(
                "", (_sync_p95(), _async_p95(), _done_p95(), _penalty(), _sync_failures(), _async_failures())
            ),
            Row(
                "What the caller waits for, and when the work is done",
                (_bars(), _over_time(), _waits(), _done()),
            ),
            Row("Where the async time goes", (_stages(), _queues())),
            Row("Failures and repeats", (_failures(), _reasons(), _redeliveries())),
            Row("Throughput and spread", (_throughput(), _sync_spread(), _done_spread())),
            Row("Logs and traces", (_flows(), _failed_messages())),
        ),
    )


def _call(name: str, label: str, mode: str) -> kit.Variable:
    return kit.choose(name, label, f"/api/orders?mode={mode}", CLIENT_DURATION, "url_template", SERVICE)


def _sync_p95() -> Panel:
    about = About(
        "Sync: caller waits",
        "p95 of a synchronous call. When it returns, the work is done.",
        f"Below {kit.slow_after_s():g} s; it is the sum of all steps behind it.",
        "Open a slow trace: one of the services behind the gateway holds the caller.",
    )
    expr = kit.quantile(0.95, CLIENT_DURATION, *_SYNC)
    return kit.number(about, expr, _ANSWER, Onward(_SYNC_LINKS, _SLOW_BOOKS))


def _async_p95() -> Panel:
    about = About(
        "Async: caller waits",
        "p95 of an asynchronous call. When it returns, the order is stored and the work is not done yet.",
        "A few hundredths of a second, whatever the services behind the queue do.",
        "If it rises, the way into the queue is slow: the gateway, the first service or the broker.",
    )
    expr = kit.quantile(0.95, CLIENT_DURATION, *_ASYNC)
    return kit.number(about, expr, _ANSWER, Onward(_ASYNC_LINKS, _SLOW_BOOKS))


def _done_p95() -> Panel:
    about = About(
        "Async: work done",
        "p95 from accepting an asynchronous call to the end of the last message of its flow.",
        "Near the sync call while queues are empty; it grows with every message that waits.",
        "See Where the async time goes. A backlog drains by itself once the cause is gone.",
        none="nothing done",
    )
    expr = kit.quantile(0.95, FLOW_DURATION, *_DONE)
    return kit.number(about, expr, Scale("s"), Onward(_DONE_LINKS))


def _penalty() -> Panel:
    about = About(
        "Async penalty",
        "How many times longer the work takes over the queue: p95 done, over p95 of the sync call.",
        "Between 1 and a few. Below 1 the queue shields the work from a slow caller path.",
        "It is the price of not making callers wait; if it hurts, add consumers.",
        none="needs both",
    )
    done, sync = (
        kit.quantile(0.95, metric, *where)
        for metric, where in ((FLOW_DURATION, _DONE), (CLIENT_DURATION, _SYNC))
    )
    return kit.number(about, kit.ratio(done, sync), Scale("suffix:x"), Onward(_BOTH_LINKS))


def _sync_failures() -> Panel:
    about = About(
        "Sync: calls failed",
        "Share of synchronous calls without an answer, or with an answer of 500 and more.",
        "0 %.",
        "Any service behind it can fail the call: see Why calls fail, then a trace.",
    )
    expr = kit.error_ratio(CLIENT_DURATION, kit.CLIENT_ERRORS, *_SYNC)
    return kit.number(about, expr, _FAILURES, Onward(_SYNC_LINKS, _BOOKS))


def _async_failures() -> Panel:
    about = About(
        "Async: calls failed",
        "Share of asynchronous calls that were not accepted.",
        "0 %, also while services behind the queue fail.",
        "The way into the queue is broken: gateway, first service or broker.",
    )
    expr = kit.error_ratio(CLIENT_DURATION, kit.CLIENT_ERRORS, *_ASYNC)
    return kit.number(about, expr, _FAILURES, Onward(_ASYNC_LINKS, _BOOKS))


def _three(sync: str, accepted: str, done: str, *names: str) -> tuple[Line, ...]:
    return (
        Line(sync, names[0], colour="blue"),
        Line(accepted, names[1], colour="green", dashed=True),
        Line(done, names[2], colour="orange", dashed=True),
    )


def _p95s(window: str = kit.WINDOW) -> tuple[Line, ...]:
    sync = kit.quantile(0.95, CLIENT_DURATION, *_SYNC, window=window)
    accepted = kit.quantile(0.95, CLIENT_DURATION, *_ASYNC, window=window)
    done = kit.quantile(0.95, FLOW_DURATION, *_DONE, window=window)
    return _three(sync, accepted, done, "sync: answered and done", "async: answered", "async: done")


def _bars() -> Panel:
    about = About(
        "p95 over the shown range",
        "The three waits side by side.",
        "The async answer is much shorter than the others; async done is near the sync call.",
        "Sync long and async answer short: callers of the queue do not notice the slow service.",
    )
    return kit.bars(about, _p95s(RANGE), Scale("s"), Onward(_BOTH_LINKS))


def _over_time() -> Panel:
    about = About(
        "p95 over time",
        "The three waits over time. Each dot is one request or message: it opens its trace.",
        "Three level lines.",
        "Sync and async done rise, async answer stays: a service behind is slow. All rise: the entry is.",
    )
    return kit.latency(about, _p95s(), _ANSWER, Onward(_BOTH_LINKS, _SLOW_BOOKS), width=16)


def _quantiles(
    name: str, metric: Metric, where: tuple[str, ...], *, dashed: bool = False
) -> tuple[Line, ...]:
    return tuple(
        Line(kit.quantile(percent / 100, metric, *where), f"{name} p{percent}", dashed=dashed)
        for percent in (50, 95, 99)
    )


def _waits() -> Panel:
    about = About(
        "The caller waits",
        "Median, p95 and p99 until the caller has its answer.",
        "Async far below sync, and close together: it does little before it answers.",
        "A wide gap between p50 and p99 of sync is what a queue takes off the caller.",
    )
    of = (
        *_quantiles("sync", CLIENT_DURATION, _SYNC),
        *_quantiles("async", CLIENT_DURATION, _ASYNC, dashed=True),
    )
    return kit.latency(about, of, _ANSWER, Onward(_BOTH_LINKS, _SLOW_BOOKS), width=12)


def _done() -> Panel:
    about = About(
        "The work is done",
        "Median, p95 and p99 until the work is done: sync with the answer, async with the last message.",
        "Async a little above sync.",
        "Async far above sync: messages wait. Where the async time goes tells in which queue.",
    )
    of = (
        *_quantiles("sync", CLIENT_DURATION, _SYNC),
        *_quantiles("async", FLOW_DURATION, _DONE, dashed=True),
    )
    return kit.latency(about, of, Scale("s"), Onward((*_DONE_LINKS, *_SYNC_LINKS)), width=12)


def _stages() -> Panel:
    about = About(
        "Mean time by stage",
        "Mean time a message spends being published, waiting in the queue and being handled, by queue.",
        "Handling is most of it, waiting next to nothing.",
        "Waiting grows: too few consumers, or they fail and messages return. Handling grows: a slow handler.",
        none="no messages",
    )
    names = ("publish", "wait", "handle")
    of = tuple(
        Line(expr, f"{{{{messaging_destination_name}}}} {name}")
        for name, expr in zip(names, kit.stages(*_QUEUE), strict=True)
    )
    return kit.stack(about, of, Scale("s"), Onward(_LINE_LINKS), width=12)


def _queues() -> Panel:
    about = About(
        "Queues",
        "Each queue over the shown range: how much, how long in each stage, how well.",
        "Handled well; waiting next to nothing.",
        "Click a cell for the messages' logs and traces.",
        none="no messages",
    )
    publish, wait, process = kit.stages(*_QUEUE, window=RANGE)
    rate = kit.per_second(CONSUMED, *_QUEUE, by=_BY_QUEUE, window=RANGE)
    failures = kit.error_ratio(PROCESS_DURATION, kit.HANDLER_ERRORS, *_QUEUE, by=_BY_QUEUE, window=RANGE)
    columns = (
        Column("Messages/s", "mps", rate),
        Column("Publish", "s", publish),
        Column("Wait", "s", wait),
        Column("Handle", "s", process),
        Column("Failed", "percentunit", failures, _FAILURES.thresholds),
    )
    queue = kit.row("Queue")
    alone = kit.BoardLink("This queue only", "obskit-messaging", (("destination", queue),))
    onward = Onward((*_queue_links(queue), alone), _BOOKS)
    return kit.rows(about, {"messaging_destination_name": "Queue"}, columns, onward, width=12)


def _failures() -> Panel:
    about = About(
        "Failures",
        "Share of sync calls that failed, of async calls that were not accepted, and of messages whose handler failed.",
        "0 %.",
        "Handlers fail and calls do not: the queue holds the work until the cause is gone, nothing is lost.",
    )
    sync, accepted = (
        kit.error_ratio(CLIENT_DURATION, kit.CLIENT_ERRORS, *where) for where in (_SYNC, _ASYNC)
    )
    handled = kit.error_ratio(PROCESS_DURATION, kit.HANDLER_ERRORS, *_QUEUE)
    of = _three(sync, accepted, handled, "sync calls", "async calls", "messages")
    return kit.graph(about, of, _FAILURES, Onward((*_DONE_LINKS, *_SYNC_LINKS), _BOOKS))


def _reasons() -> Panel:
    about = About(
        "Why calls fail",
        "Failed calls a second by call and reason: a status of 500 and more, or what broke the connection.",
        "No line.",
        "502 and 503: a service behind the gateway. A timeout: it is too slow. ConnectError: the gateway is gone.",
        none="nothing failed",
        empty="no failed call; filled by the fault inventory-errors",
    )
    by = ("url_template", "error_type")
    failed = (kit.per_second(CLIENT_DURATION, *where, kit.CLIENT_ERRORS, by=by) for where in (_SYNC, _ASYNC))
    of = tuple(Line(kit.happening(expr), "{{url_template}} {{error_type}}") for expr in failed)
    return kit.graph(about, of, Scale("reqps"), Onward(_BOTH_LINKS))


def _redeliveries() -> Panel:
    about = About(
        "Redeliveries",
        "Messages a second that were delivered again, because handling them failed or took too long.",
        "0.",
        "The handler fails or is slower than the broker waits: see Messages that failed.",
        none="no messages",
    )
    again, every = (kit.per_second(metric, *_QUEUE, by=_BY_QUEUE) for metric in (REDELIVERED, CONSUMED))
    expr = kit.or_zero(again, every)
    return kit.graph(
        about, (Line(expr, "{{messaging_destination_name}}"),), Scale("mps"), Onward(_LINE_LINKS)
    )


def _throughput() -> Panel:
    about = About(
        "Throughput",
        "Sync calls answered, async calls answered, and async work done, a second.",
        "Async done follows async answered.",
        "Done below answered: a backlog grows. Done above answered: it drains.",
    )
    sync, accepted = (kit.per_second(CLIENT_DURATION, *where) for where in (_SYNC, _ASYNC))
    done = kit.per_second(FLOW_DURATION, *_DONE)
    of = _three(sync, accepted, done, "sync answered", "async answered", "async done")
    return kit.graph(about, of, Scale("reqps"), Onward(_BOTH_LINKS))


def _sync_spread() -> Panel:
    about = About(
        "Spread of sync answers",
        "How many synchronous calls took how long. Each dot opens a trace.",
        "One band.",
        "A second band high up is a retry or a timeout.",
    )
    return kit.heat_map(about, kit.buckets(CLIENT_DURATION, *_SYNC), "s", Onward(_SYNC_LINKS), width=8)


def _done_spread() -> Panel:
    about = About(
        "Spread of async work",
        "How much work behind the queue was done how long after it was accepted. Each dot opens a trace.",
        "One band.",
        "A band that climbs steadily is a backlog; bands at fixed distances are redeliveries.",
        none="nothing done",
    )
    return kit.heat_map(about, kit.buckets(FLOW_DURATION, *_DONE), "s", Onward(_DONE_LINKS), width=8)


def _flows() -> Panel:
    about = About(
        "One flow, one trace",
        "Traces of finished asynchronous work: the call, each message and its handling in one picture.",
        "The newest first; gaps between bars are time in the queue.",
        "Open one: a long gap is waiting, a long bar is work.",
        none="none in the shown range",
        empty="needs a trace store",
    )
    return kit.traces(about, '{kind=consumer && span.messaging.destination.name="$done_event"}', width=12)


def _failed_messages() -> Panel:
    about = About(
        "Messages that failed",
        "The log line of each handler that failed, with its destination, delivery and error.",
        "None.",
        "Open a line; its trace_id leads to the call that began the flow.",
        none="none in the shown range",
        empty="no failed message; filled by the fault inventory-errors",
    )
    bad = 'service_name=~".+", level=~"warning|error|critical"'
    return kit.log_events(about, "message.failed", of=bad, width=12)
