"""Labs: two or more ways of doing one thing, under the same load, side by side."""

from obskit import boards as kit
from obskit.boards import RANGE, SERVICE, About, Board, Column, Line, Onward, Panel, Row, Scale
from obskit.catalog import (
    CLIENT_DURATION,
    DB_DURATION,
    DB_QUERIES,
    FLOW_DURATION,
    RESPONSE_BODY_SIZE,
    SENT,
    SERVER_DURATION,
)

_WHERE = (SERVICE, 'url_template=~"$way"', 'url_template!=""')
_BY = ("url_template",)
_NAME = "{{url_template}}"
_FAILURES = Scale("percentunit", kit.at(*kit.limits("AvailabilityBudgetBurn")))
_BOOKS = ("AvailabilityBudgetBurn",)


def _of(template: str) -> tuple[kit.Link, ...]:
    return (
        kit.logs_link(".+"),
        kit.traces_link(".+", f'span.url.template="{template}"', title="Traces of this way"),
    )


_LINE = _of(kit.series("url_template"))
_ROW = (*_of(kit.row("Way")), kit.BoardLink("This way only", "obskit-labs", (("way", kit.row("Way")),)))
_ALL = (kit.logs_link(), kit.traces_link(kit.CHOSEN, "kind=client", title="Traces of calls"))
_SERVED = (
    kit.BoardLink("Board of this service", "obskit-service", (("service", kit.series("service_name")),)),
    kit.logs_link(kit.series("service_name")),
    kit.traces_link(kit.series("service_name")),
)
_NEXT = (kit.next_board("sync-async", "Sync and async"),)


def board() -> Board:
    """Return the board."""
    return Board(
        name="labs",
        title="Labs",
        question="Which way of doing it is faster, for the caller and for the machine?",
        how_to_read=(
            "Each way is one call template of the load generator. Choose the ways in **Way**; "
            "compare bars, then what each costs behind the gateway."
        ),
        when_paged="Nothing here pages. A lab that runs shows in the load of every other board.",
        variables=(
            kit.services(CLIENT_DURATION, label="Caller"),
            kit.pick("way", "Way", CLIENT_DURATION, "url_template", 'url_template!=""'),
        ),
        rows=(
            Row("", (_ways(), _rate(), _ratio(), _p95(), _queries_now(), _messages_now())),
            Row("What the caller waits for", (_bars(), _over_time(), _table())),
            Row("Under load", (_rates(), _failures(), _spread())),
            Row("What it costs", (_cpu(), _statements(), _queries(), _messages(), _sizes(), _done())),
        ),
    )


def _ways() -> Panel:
    about = About(
        "Ways",
        "Ways that are called now.",
        "As many as the lab compares.",
        "Fewer: the lab's repetitions take turns; widen the shown range.",
        none="no load",
    )
    expr = f"count({kit.per_second(CLIENT_DURATION, *_WHERE, by=_BY)} > 0)"
    return kit.number(about, expr, Scale("none"), Onward(_ALL))


def _rate() -> Panel:
    about = About(
        "Calls",
        "Calls a second over all chosen ways.",
        "What the load was told to offer.",
        "Less: the load generator itself is the limit, so the comparison does not hold.",
        none="no load",
    )
    return kit.number(about, kit.per_second(CLIENT_DURATION, *_WHERE), Scale("reqps"), Onward(_ALL))


def _ratio() -> Panel:
    about = About(
        "Failed calls",
        "Share of calls without an answer, or with an answer of 500 and more.",
        "0 %, unless the lab breaks something on purpose.",
        "See Failed calls by way.",
        none="no load",
    )
    expr = kit.error_ratio(CLIENT_DURATION, kit.CLIENT_ERRORS, *_WHERE)
    return kit.number(about, expr, _FAILURES, Onward(_ALL, _BOOKS))


def _p95() -> Panel:
    about = About(
        "Slowest way p95",
        "p95 of the way that is slowest.",
        "What the lab is about.",
        "Compare with the others in p95 by way.",
        none="no load",
    )
    expr = f"max({kit.quantile(0.95, CLIENT_DURATION, *_WHERE, by=_BY)})"
    return kit.number(about, expr, Scale("s"), Onward(_ALL))


def _queries_now() -> Panel:
    about = About(
        "Statements a call",
        "Database statements of all services, for each call of the load.",
        "The same for the same work.",
        "Higher for one way: that way asks the database more often.",
        none="no load",
    )
    expr = kit.ratio(kit.per_second(DB_DURATION), kit.per_second(CLIENT_DURATION, *_WHERE))
    return kit.number(about, expr, Scale("suffix:x"), Onward(_ALL))


def _messages_now() -> Panel:
    about = About(
        "Messages a call",
        "Messages that all services publish, for each call of the load.",
        "0 for HTTP ways, a few for message ways.",
        "Higher than the design says: something is published twice.",
        none="no load",
    )
    expr = kit.ratio(kit.per_second(SENT), kit.per_second(CLIENT_DURATION, *_WHERE))
    return kit.number(about, expr, Scale("suffix:x"), Onward(_ALL, boards=_NEXT))


def _bars() -> Panel:
    about = About(
        "p95 by way",
        "What the caller waits for, over the shown range.",
        "A clear difference, or none.",
        "Bars that differ by less than the spread of repetitions say nothing: run the lab again.",
        none="no load",
    )
    expr = kit.quantile(0.95, CLIENT_DURATION, *_WHERE, by=_BY, window=RANGE)
    return kit.bars(about, (Line(expr, _NAME),), Scale("s"), Onward(_LINE))


def _over_time() -> Panel:
    about = About(
        "Duration p95 over time",
        "What the caller waits for. Each dot is one call: it opens its trace.",
        "Level lines at a distance.",
        "Lines that meet under load: both ways wait for the same thing.",
        none="no load",
    )
    of = (Line(kit.quantile(0.95, CLIENT_DURATION, *_WHERE, by=_BY), _NAME),)
    return kit.latency(about, of, Scale("s"), Onward(_LINE), width=16)


def _table() -> Panel:
    about = About(
        "Ways side by side",
        "Each way over the shown range: calls, failures, median, p95, p99.",
        "Read the column that matters to you.",
        "Click a row for traces of that way.",
        none="no load",
    )
    quantiles = [
        Column(f"p{q}", "s", kit.quantile(q / 100, CLIENT_DURATION, *_WHERE, by=_BY, window=RANGE))
        for q in (50, 95, 99)
    ]
    failed = kit.error_ratio(CLIENT_DURATION, kit.CLIENT_ERRORS, *_WHERE, by=_BY, window=RANGE)
    columns = (
        Column("Calls/s", "reqps", kit.per_second(CLIENT_DURATION, *_WHERE, by=_BY, window=RANGE)),
        Column("Failed", "percentunit", failed, _FAILURES.thresholds),
        *quantiles,
    )
    return kit.rows(about, {"url_template": "Way"}, columns, Onward(_ROW, _BOOKS, _NEXT))


def _rates() -> Panel:
    about = About(
        "Calls by way",
        "Calls a second that were answered, by way.",
        "The offered rate, for each.",
        "One lower than the others under the same offer: that way cannot keep up.",
        none="no load",
    )
    of = (Line(kit.per_second(CLIENT_DURATION, *_WHERE, by=_BY), _NAME),)
    return kit.graph(about, of, Scale("reqps"), Onward(_LINE))


def _failures() -> Panel:
    about = About(
        "Failed calls by way",
        "Share of calls without an answer, or with an answer of 500 and more.",
        "0 %.",
        "Differs between ways while a service is down: that is what the way is good for, or not.",
        none="no load",
    )
    of = (Line(kit.error_ratio(CLIENT_DURATION, kit.CLIENT_ERRORS, *_WHERE, by=_BY), _NAME),)
    return kit.graph(about, of, _FAILURES, Onward(_LINE, _BOOKS))


def _spread() -> Panel:
    about = About(
        "Spread of durations",
        "How many calls took how long, of the chosen ways. Each dot opens a trace.",
        "One band a way.",
        "Choose one way at a time to compare bands.",
        none="no load",
    )
    return kit.heat_map(about, kit.buckets(CLIENT_DURATION, *_WHERE), "s", Onward(_ALL), width=8)


def _cpu() -> Panel:
    about = About(
        "Processor time",
        "Cores that each service uses while the lab runs.",
        "In proportion to the calls.",
        "A way that is faster for the caller may cost more here.",
        none="no target",
    )
    of = (Line(kit.per_second(kit.CPU, by=("service_name",)), "{{service_name}}"),)
    return kit.stack(about, of, Scale("suffix: cores"), Onward(_SERVED))


def _statements() -> Panel:
    about = About(
        "Statements",
        "Database statements a second, by service.",
        "In proportion to the calls.",
        "Many for few calls: rows are read one at a time.",
        none="no statements",
    )
    of = (Line(kit.per_second(DB_DURATION, by=("service_name",)), "{{service_name}}"),)
    return kit.stack(about, of, Scale("ops"), Onward(_SERVED))


def _queries() -> Panel:
    about = About(
        "Statements per request",
        "p95 of the statements that one request runs, by route.",
        "A handful.",
        "Grows with the size of the answer: that is the N+1 way.",
        none="no statements",
    )
    of = (Line(kit.quantile(0.95, DB_QUERIES, by=("http_route",)), "{{http_route}}"),)
    return kit.latency(
        about, of, Scale("none"), Onward(_ALL, boards=(kit.next_board("database", "Database"),))
    )


def _messages() -> Panel:
    about = About(
        "Messages",
        "Messages a second that the services publish, by destination.",
        "In proportion to the calls of the message ways.",
        "None for a message way: its messages are not taken, see the messaging board.",
        none="no messages",
    )
    expr = kit.per_second(SENT, by=("messaging_destination_name",))
    onward = Onward(_ALL, boards=(kit.next_board("messaging", "Messaging"),))
    return kit.stack(about, (Line(expr, "{{messaging_destination_name}}"),), Scale("mps"), onward)


def _sizes() -> Panel:
    about = About(
        "Size of answers",
        "Mean size of the answers' bodies, by route of the gateway.",
        "Smaller for compressed and paginated ways.",
        "As large as before: the way under test is not used.",
        none="no traffic",
    )
    expr = kit.mean(RESPONSE_BODY_SIZE, 'service_name="gateway"', by=("http_route",))
    return kit.graph(about, (Line(expr, "{{http_route}}"),), Scale("bytes"), Onward(_ALL))


def _done() -> Panel:
    about = About(
        "Until the work is done",
        "p95 until the work of a call is done: with the answer, or with the last message of its flow.",
        "Equal for ways that do the work before they answer.",
        "Much later for a message way: its queue is behind.",
        none="no traffic",
    )
    of = (
        Line(kit.quantile(0.95, SERVER_DURATION, 'service_name="gateway"'), "answered", colour="blue"),
        Line(
            kit.quantile(0.95, FLOW_DURATION, by=("messaging_destination_name",)),
            "{{messaging_destination_name}}",
            dashed=True,
        ),
    )
    return kit.latency(about, of, Scale("s"), Onward(_ALL, boards=_NEXT))
