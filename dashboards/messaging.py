"""Messaging: do messages get through, how long do they wait, and what is set aside."""

from obskit import boards as kit
from obskit.boards import RANGE, SERVICE, About, Board, Column, Line, Onward, Panel, Row, Scale, Threshold
from obskit.catalog import (
    CONSUMED,
    DEAD_LETTERS,
    END_TO_END,
    FLOW_DURATION,
    PROCESS_DURATION,
    PUBLISH_DURATION,
    QUEUE_DEPTH,
    QUEUE_OLDEST_AGE,
    QUEUE_REDELIVERED,
    QUEUE_UNACKNOWLEDGED,
    QUEUE_UP,
    REDELIVERED,
    SENT,
)

_WHERE = (SERVICE, 'messaging_destination_name=~"$destination"')
_BY = ("messaging_destination_name",)
_QUEUE = ("messaging_destination_name", "messaging_consumer_group_name")
_NAME = "{{messaging_destination_name}}"
_QUEUE_NAME = "{{messaging_destination_name}} {{messaging_consumer_group_name}}"
_FAILURES = Scale("percentunit", kit.watched("MessageErrorRatioHigh"))
_ANY = (Threshold(1),)
_OLDEST = Scale("s", kit.watched("QueueOldestAgeHigh"))
_UNPUBLISHED = Scale("percentunit", kit.watched("PublishErrorRatioHigh"))
_BOOKS = ("MessageErrorRatioHigh",)


def _of(queue: str) -> tuple[kit.Link, ...]:
    consumed = f'span.messaging.destination.name="{queue}"'
    return (
        kit.logs_link(pipeline=f' | json | destination="{queue}"', title="Logs about these messages"),
        kit.traces_link(kit.CHOSEN, "kind=consumer", consumed, title="Traces of these messages"),
    )


_LINE = _of(kit.series("messaging_destination_name"))
_ROW = (
    *_of(kit.row("Destination")),
    kit.BoardLink(
        "Sync and async over this queue", "obskit-sync-async", (("queue", kit.row("Destination")),)
    ),
)
_ALL = (
    kit.logs_link(pipeline=' | json | event="message.failed"', title="Messages that failed"),
    kit.traces_link(kit.CHOSEN, "kind=consumer", title="Traces of messages"),
)
_DEAD = (
    kit.logs_link(pipeline=' | json | event="message.dead_lettered"', title="Messages set aside"),
    kit.traces_link(kit.CHOSEN, 'span.obskit.dead_letter=~".+"', title="Traces of messages set aside"),
)
_NEXT = (kit.next_board("sync-async", "Sync and async"),)


def board() -> Board:
    """Return the board."""
    return Board(
        name="messaging",
        title="Messaging",
        question="Do messages get through in time, and what is set aside?",
        how_to_read=(
            "A queue is well when its oldest message is young, however many wait. "
            "Below: flow in and out, how handlers do, what was given up."
        ),
        when_paged=(
            "**Oldest message** grows without end: consumers are gone or fail, see **Queues can be asked** and "
            "**Failed handling**. It is level and high: too few consumers. **Set aside** says which messages need a person."
        ),
        variables=(
            kit.services(CONSUMED),
            kit.pick("destination", "Destination", CONSUMED, "messaging_destination_name", SERVICE),
        ),
        rows=(
            Row("", (_depth_now(), _oldest_now(), _handled(), _failed_now(), _dead_now(), _drain())),
            Row("Queues", (_oldest(), _depth(), _states())),
            Row("Flow", (_flow(), _growth(), _unacknowledged())),
            Row("Handling", (_durations(), _waits(), _failures(), _spread())),
            Row("Publishing", (_publish_durations(), _publish_failures())),
            Row("Repeats and what is set aside", (_redelivered(), _dead(), _table(), _dead_lines())),
        ),
    )


def _depth_now() -> Panel:
    about = About(
        "Waiting",
        "Messages that wait for their first delivery, in all chosen queues.",
        "Near 0 under steady load; a burst drains within minutes.",
        "See Oldest message: many young messages are a burst, few old ones are a stuck consumer.",
        none="no queue is watched",
    )
    return kit.number(about, kit.total(QUEUE_DEPTH, *_WHERE), Scale("none"), Onward(_ALL, boards=_NEXT))


def _oldest_now() -> Panel:
    about = About(
        "Oldest message",
        "Age of the oldest message that is not done, in the worst queue.",
        "Seconds.",
        "It grows by a second a second: nothing is consumed. See Consumed and Failed handling.",
        none="no queue is watched",
    )
    return kit.number(
        about,
        kit.highest(QUEUE_OLDEST_AGE, *_WHERE),
        _OLDEST,
        Onward(_ALL, runbooks=("QueueOldestAgeHigh", "QueueStuck"), boards=_NEXT),
    )


def _handled() -> Panel:
    about = About(
        "Consumed",
        "Messages a second that are handed to handlers; a redelivered one counts again.",
        "As many as are published.",
        "0 while messages wait: consumers are gone, or their connection is.",
        none="no messages",
    )
    return kit.number(about, kit.per_second(CONSUMED, *_WHERE), Scale("mps"), Onward(_ALL))


def _failed_now() -> Panel:
    about = About(
        "Failed handling",
        "Share of messages whose handler raised.",
        "0 %.",
        "Read Messages that failed; the error names the cause. The broker delivers them again meanwhile.",
        none="no messages",
    )
    expr = kit.error_ratio(PROCESS_DURATION, kit.HANDLER_ERRORS, *_WHERE)
    return kit.number(about, expr, _FAILURES, Onward(_ALL, _BOOKS))


def _dead_now() -> Panel:
    about = About(
        "Set aside",
        "Messages that were given up and set aside as dead letters within the shown range.",
        "0.",
        "Somebody has to look at each: see Messages set aside for why, mend the cause, publish them again.",
        none="no messages",
    )
    return kit.over_range(
        about,
        kit.increase(DEAD_LETTERS, *_WHERE),
        Scale("none", _ANY),
        Onward(_DEAD, runbooks=("DeadLetters",), boards=_NEXT),
    )


def _drain() -> Panel:
    about = About(
        "Time to drain",
        "Seconds until the waiting messages are done, at the rate at which they are consumed now.",
        "Seconds.",
        "Longer than callers can wait: add consumers, or stop what publishes so much.",
        none="nothing is consumed",
    )
    expr = kit.ratio(kit.total(QUEUE_DEPTH, *_WHERE), kit.per_second(CONSUMED, *_WHERE))
    return kit.number(about, expr, Scale("s"), Onward(_ALL))


def _oldest() -> Panel:
    about = About(
        "Age of the oldest message",
        "Age of the oldest message that is not done, by queue and consumer.",
        "Near 0, with short peaks.",
        "A straight climb is a stuck consumer; saw teeth are messages that fail and come back.",
        none="no queue is watched",
    )
    expr = kit.highest(QUEUE_OLDEST_AGE, *_WHERE, by=_QUEUE)
    return kit.graph(
        about,
        (Line(expr, _QUEUE_NAME),),
        _OLDEST,
        Onward(_LINE, runbooks=("QueueOldestAgeHigh", "QueueStuck")),
    )


def _depth() -> Panel:
    about = About(
        "Messages waiting",
        "Messages that wait for their first delivery, by queue and consumer.",
        "Near 0, with short peaks.",
        "Grows: more is published than consumed, see Growth of the backlog.",
        none="no queue is watched",
    )
    of = (Line(kit.highest(QUEUE_DEPTH, *_WHERE, by=_QUEUE), _QUEUE_NAME),)
    return kit.graph(about, of, Scale("none"), Onward(_LINE))


def _states() -> Panel:
    about = About(
        "Queues can be asked",
        "Whether the broker answered when it was asked for the state of a queue.",
        "Green throughout.",
        "Red: the broker is down or the queue was deleted; numbers of the queue are missing for that time.",
        none="no queue is watched",
    )
    of = (Line(kit.lowest(QUEUE_UP, *_WHERE, by=_QUEUE), _QUEUE_NAME),)
    return kit.states(about, of, kit.UP_OR_DOWN, Onward(_LINE, runbooks=("QueueUnwatched",)), width=8)


def _flow() -> Panel:
    about = About(
        "Published and consumed",
        "Messages a second into and out of the chosen destinations.",
        "Two lines of one shape.",
        "Consumed above published without a backlog: messages are delivered again, see Redelivered.",
        none="no messages",
    )
    sent = kit.per_second(SENT, 'messaging_destination_name=~"$destination"', 'error_type=""')
    of = (
        Line(sent, "published", colour="blue"),
        Line(kit.per_second(CONSUMED, *_WHERE), "consumed", colour="green"),
    )
    return kit.graph(about, of, Scale("mps"), Onward(_ALL))


def _growth() -> Panel:
    about = About(
        "Publishing by destination",
        "Messages a second that the broker took, by destination.",
        "In proportion to the requests that cause them.",
        "A sudden jump: a producer repeats itself, or a job publishes in bulk.",
        none="no messages",
    )
    expr = kit.per_second(SENT, 'messaging_destination_name=~"$destination"', 'error_type=""', by=_BY)
    return kit.stack(about, (Line(expr, _NAME),), Scale("mps"), Onward(_LINE))


def _unacknowledged() -> Panel:
    about = About(
        "In hand",
        "Messages that were delivered and neither acknowledged nor given up, and those of them that came back.",
        "A few, and none that came back.",
        "Level at the consumer's limit: handlers are too slow. Came back: they fail.",
        none="no queue is watched",
    )
    of = (
        Line(kit.total(QUEUE_UNACKNOWLEDGED, *_WHERE), "in hand", colour="blue"),
        Line(kit.total(QUEUE_REDELIVERED, *_WHERE), "came back", colour="orange"),
    )
    return kit.graph(about, of, Scale("none"), Onward(_ALL))


def _durations() -> Panel:
    about = About(
        "Handling",
        "Median, p95 and p99 of handling one message. Each dot is one message: it opens its trace.",
        "Level.",
        "Rises: what the handler calls is slow. Near the broker's acknowledgement time it redelivers everything.",
        none="no messages",
    )
    of = tuple(Line(kit.quantile(q / 100, PROCESS_DURATION, *_WHERE), f"p{q}") for q in (50, 95, 99))
    return kit.latency(about, of, Scale("s"), Onward(_ALL))


def _waits() -> Panel:
    about = About(
        "Published to handled",
        "p95 of the time from publishing a message to the end of its handling, by destination.",
        "A little more than handling takes.",
        "Far above Handling: messages wait, see Age of the oldest message.",
        none="no messages",
    )
    of = (
        Line(kit.quantile(0.95, END_TO_END, *_WHERE, by=_BY), f"{_NAME} handled"),
        Line(
            kit.quantile(0.95, FLOW_DURATION, *_WHERE, by=_BY), f"{_NAME} since the first call", dashed=True
        ),
    )
    return kit.latency(about, of, Scale("s"), Onward(_LINE, boards=_NEXT))


def _failures() -> Panel:
    about = About(
        "Failed handling by destination",
        "Share of messages whose handler raised.",
        "0 %.",
        "One destination: its handler or what it calls. All: the consumer's database or the broker.",
        none="no messages",
    )
    expr = kit.error_ratio(PROCESS_DURATION, kit.HANDLER_ERRORS, *_WHERE, by=_BY)
    return kit.graph(about, (Line(expr, _NAME),), _FAILURES, Onward(_LINE, _BOOKS))


def _spread() -> Panel:
    about = About(
        "Spread of waiting and handling",
        "How many messages were done how long after they were published. Each dot opens a trace.",
        "One band.",
        "A band that climbs is a backlog; bands at fixed distances are redeliveries.",
        none="no messages",
    )
    return kit.heat_map(about, kit.buckets(END_TO_END, *_WHERE), "s", Onward(_ALL), width=24)


def _publish_durations() -> Panel:
    about = About(
        "Publishing",
        "p95 until the broker has taken a message, by destination. Each dot opens a trace.",
        "A few milliseconds: the caller waits for it.",
        "Rises: the broker's disk or the network to it; every async answer gets slower by as much.",
        none="no messages",
    )
    where = 'messaging_destination_name=~"$destination"'
    expr = kit.quantile(0.95, PUBLISH_DURATION, where, by=_BY)
    return kit.latency(about, (Line(expr, _NAME),), Scale("s"), Onward(_LINE), width=12)


def _publish_failures() -> Panel:
    about = About(
        "Failed publishing",
        "Share of messages that the broker did not take, by destination.",
        "0 %.",
        "The broker is down or full. What is published through an outbox is kept and sent later.",
        none="no messages",
    )
    where = 'messaging_destination_name=~"$destination"'
    expr = kit.error_ratio(SENT, 'error_type!=""', where, by=_BY)
    return kit.graph(
        about, (Line(expr, _NAME),), _UNPUBLISHED, Onward(_LINE, ("PublishErrorRatioHigh",)), width=12
    )


def _redelivered() -> Panel:
    about = About(
        "Redelivered",
        "Messages a second that were delivered again, because handling them failed or took too long.",
        "0.",
        "Handlers fail or are slower than the broker waits: see Messages that failed.",
        none="no messages",
    )
    again, every = (kit.per_second(metric, *_WHERE, by=_BY) for metric in (REDELIVERED, CONSUMED))
    of = (Line(kit.or_zero(again, every), _NAME),)
    return kit.graph(about, of, Scale("mps"), Onward(_LINE, runbooks=("RedeliveriesHigh",)), width=12)


def _dead() -> Panel:
    about = About(
        "Set aside over time",
        "Messages a second that were given up, by reason.",
        "0.",
        "poison: the message itself is wrong, mend its producer. max_deliveries: its handler failed each time.",
        none="no messages",
    )
    expr = kit.per_second(DEAD_LETTERS, *_WHERE, by=("reason",))
    return kit.stack(
        about, (Line(expr, "{{reason}}"),), Scale("mps"), Onward(_DEAD, runbooks=("DeadLetters",)), width=12
    )


def _table() -> Panel:
    about = About(
        "Destinations",
        "Each destination over the shown range: how much, how well, how long, and what was set aside.",
        "No red cell.",
        "Click a cell for the messages' logs and traces.",
        none="no messages",
    )
    failed = kit.error_ratio(PROCESS_DURATION, kit.HANDLER_ERRORS, *_WHERE, by=_BY, window=RANGE)
    columns = (
        Column("Messages/s", "mps", kit.per_second(CONSUMED, *_WHERE, by=_BY, window=RANGE)),
        Column("Failed", "percentunit", failed, _FAILURES.thresholds),
        Column("Handling p95", "s", kit.quantile(0.95, PROCESS_DURATION, *_WHERE, by=_BY, window=RANGE)),
        Column(
            "Published to handled p95", "s", kit.quantile(0.95, END_TO_END, *_WHERE, by=_BY, window=RANGE)
        ),
        Column("Set aside", "none", kit.increase(DEAD_LETTERS, *_WHERE, by=_BY), _ANY),
    )
    keys = {"messaging_destination_name": "Destination"}
    return kit.rows(about, keys, columns, Onward(_ROW, _BOOKS), width=24)


def _dead_lines() -> Panel:
    about = About(
        "Messages that failed or were set aside",
        "The log line of each, with destination, delivery, reason and error.",
        "None.",
        "Open a line; its trace_id leads to the call that began the flow.",
        none="none in the shown range",
        empty="no failed message; filled by the fault inventory-errors",
    )
    bad = 'service_name=~"$service", level=~"warning|error|critical"'
    return kit.log_events(about, "message.", of=bad)
