"""Database: is it the statements, the pool, or how often a request asks."""

from obskit import boards as kit
from obskit.boards import RANGE, SERVICE, About, Board, Column, Line, Onward, Panel, Row, Scale, Threshold
from obskit.catalog import (
    DB_CONNECTION_MAX,
    DB_CONNECTION_PENDING,
    DB_CONNECTION_TIMEOUTS,
    DB_CONNECTION_WAIT,
    DB_CONNECTIONS,
    DB_DURATION,
    DB_N_PLUS_ONE,
    DB_QUERIES,
    DB_SLOW,
)

_WHERE = (SERVICE, 'db_operation_name=~"$operation"')
_POOL = ("service_name", "db_client_connection_pool_name")
_POOL_NAME = "{{service_name}} {{db_client_connection_pool_name}}"
_STATEMENT = ("service_name", "db_operation_name", "db_collection_name")
_ERRORS = 'error_type!=""'
_FAILURES = Scale("percentunit", kit.watched("DatabaseErrorRatioHigh"))
_ANY = (Threshold(1),)
_FULL = Scale("percentunit", kit.watched("DatabasePoolExhausted"))
_BOOKS = ("DatabaseErrorRatioHigh",)

_SPANS = 'span.db.system.name=~".+"'
_ALL = (kit.logs_link(), kit.traces_link(kit.CHOSEN, _SPANS, title="Traces of statements"))
_SLOW = (
    kit.logs_link(pipeline=' | json | event="db.query_slow"', title="Slow statements"),
    kit.traces_link(kit.CHOSEN, "span.obskit.db.slow=true", title="Traces of slow statements"),
)
_REPEATS = (
    kit.logs_link(pipeline=' | json | event="db.n_plus_one"', title="Repeated statements"),
    kit.traces_link(kit.CHOSEN, 'span.obskit.db.n_plus_one=~".+"', title="Traces of repeated statements"),
)
_WAITED = (
    kit.logs_link(pipeline=' | json | event="db.pool_timed_out"', title="Callers that got no connection"),
    kit.traces_link(kit.CHOSEN, _SPANS, title="Traces of statements"),
)
_LINE_POOL = (
    kit.logs_link(kit.series("service_name"), pipeline=' | json | event="db.pool_timed_out"'),
    kit.traces_link(kit.series("service_name"), _SPANS),
)
_NEXT = (kit.next_board("service", "Service RED"),)


def board() -> Board:
    """Return the board."""
    return Board(
        name="database",
        title="Database",
        question="Is it the statements, the pool of connections, or how often a request asks?",
        how_to_read=(
            "Duration is what the caller waits for one statement; waiting for a connection comes before it. "
            "Many fast statements for one request are as slow as one slow one."
        ),
        when_paged=(
            "**Waiting for a connection** above 0: the pool is used up, by slow statements or by connections "
            "that are not given back. Else see **Statements** for the slow or failing one, then its plan in the log."
        ),
        variables=(
            kit.services(DB_DURATION),
            kit.pick("operation", "Operation", DB_DURATION, "db_operation_name", SERVICE),
        ),
        rows=(
            Row("", (_rate(), _ratio(), _p95(), _used(), _slow_now(), _n_plus_one_now())),
            Row("Statements", (_by_operation(), _durations(), _ratios(), _statements())),
            Row("Connections", (_pool(), _pending(), _timeouts(), _wait(), _utilisation())),
            Row("How often a request asks", (_queries(), _queries_spread(), _repeats())),
            Row("Slow statements", (_slow(), _slow_traces(), _slow_lines())),
        ),
    )


def _rate() -> Panel:
    about = About(
        "Statements",
        "Statements and commits a second.",
        "In proportion to requests.",
        "Grows without more requests: a loop asks one row at a time, see Statements per request.",
        none="no statements",
    )
    return kit.number(about, kit.per_second(DB_DURATION, *_WHERE), Scale("ops"), Onward(_ALL, boards=_NEXT))


def _ratio() -> Panel:
    about = About(
        "Failed statements",
        "Share of statements that failed, failed connections included.",
        "0 %, apart from expected conflicts such as a unique key that exists.",
        "See Failed statements by operation; CONNECT means that the database is down or full.",
        none="no statements",
    )
    expr = kit.error_ratio(DB_DURATION, _ERRORS, *_WHERE)
    return kit.number(about, expr, _FAILURES, Onward(_ALL, _BOOKS))


def _p95() -> Panel:
    about = About(
        "Statement p95",
        "Nineteen of twenty statements are done at least this fast.",
        "Milliseconds.",
        "See Statements for the slow one, and its plan in Slow statements.",
        none="no statements",
    )
    return kit.number(about, kit.quantile(0.95, DB_DURATION, *_WHERE), Scale("s"), Onward(_SLOW))


def _used() -> Panel:
    about = About(
        "Pool in use",
        "Share of the connections that the fullest pool may open and that are in use now.",
        "Below 80 %.",
        "At 100 % callers wait: see Waiting for a connection, and what holds the connections.",
        none="no pool with a limit",
    )
    expr = f"max({_share_in_use()})"
    return kit.number(about, expr, _FULL, Onward(_WAITED, runbooks=("DatabasePoolExhausted",)))


def _share_in_use() -> str:
    used = kit.total(DB_CONNECTIONS, SERVICE, 'db_client_connection_state="used"', by=_POOL)
    return kit.ratio(used, kit.total(DB_CONNECTION_MAX, SERVICE, by=_POOL))


def _slow_now() -> Panel:
    about = About(
        "Slow statements",
        "Statements within the shown range that took OBSKIT_DB_SLOW_MS or longer.",
        "0, or a few known reports.",
        "Read Slow statements below: each has its plan, in words.",
        none="no statements",
    )
    expr = kit.or_zero(kit.increase(DB_SLOW, *_WHERE), kit.increase(DB_DURATION, *_WHERE))
    return kit.over_range(about, expr, Scale("none"), Onward(_SLOW, runbooks=("DatabaseSlowQueries",)))


def _n_plus_one_now() -> Panel:
    about = About(
        "Repeated statements",
        "Requests within the shown range that ran one statement again and again (N+1).",
        "0.",
        "See Requests that repeat a statement: load the rows with one join, or in one batch.",
        none="no statements",
    )
    expr = kit.or_zero(kit.increase(DB_N_PLUS_ONE, SERVICE), kit.increase(DB_DURATION, SERVICE))
    return kit.over_range(about, expr, Scale("none", _ANY), Onward(_REPEATS, runbooks=("DatabaseNPlusOne",)))


def _by_operation() -> Panel:
    about = About(
        "Statements by operation",
        "Statements a second by SQL verb.",
        "A mix that does not change.",
        "SELECT grows alone: a cache is cold or gone, or a loop asks one row at a time.",
        none="no statements",
    )
    expr = kit.per_second(DB_DURATION, *_WHERE, by=("db_operation_name",))
    return kit.stack(about, (Line(expr, "{{db_operation_name}}"),), Scale("ops"), Onward(_ALL))


def _durations() -> Panel:
    about = About(
        "Duration",
        "Median, p95 and p99 of one statement. Each dot is one: it opens its trace.",
        "Level.",
        "Only p99: locks or one slow statement. All: the database is loaded, or its disk is.",
        none="no statements",
    )
    of = tuple(Line(kit.quantile(q / 100, DB_DURATION, *_WHERE), f"p{q}") for q in (50, 95, 99))
    return kit.latency(about, of, Scale("s"), Onward(_SLOW))


def _ratios() -> Panel:
    about = About(
        "Failed statements by operation",
        "Share of statements that failed, by SQL verb.",
        "0 %.",
        "INSERT and UPDATE: conflicts or locks. CONNECT: no database. SELECT: a missing table or column.",
        none="no statements",
    )
    expr = kit.error_ratio(DB_DURATION, _ERRORS, *_WHERE, by=("db_operation_name",))
    return kit.graph(about, (Line(expr, "{{db_operation_name}}"),), _FAILURES, Onward(_ALL, _BOOKS))


def _statements() -> Panel:
    about = About(
        "Statements by table",
        "Each operation and table over the shown range: how often, how well, how fast, share of all time.",
        "No red cell. What has most of the time is where an index or a cache pays.",
        "Click a row for its traces; a slow one has its plan in the log.",
        none="no statements",
    )
    columns = (
        Column("Share of time", "percentunit", kit.time_share(DB_DURATION, *_WHERE, by=_STATEMENT)),
        Column("Statements/s", "ops", kit.per_second(DB_DURATION, *_WHERE, by=_STATEMENT, window=RANGE)),
        Column("p95", "s", kit.quantile(0.95, DB_DURATION, *_WHERE, by=_STATEMENT, window=RANGE)),
        Column(
            "Failed",
            "percentunit",
            kit.error_ratio(DB_DURATION, _ERRORS, *_WHERE, by=_STATEMENT, window=RANGE),
            _FAILURES.thresholds,
        ),
    )
    service, table = kit.row("Service"), f'span.db.collection.name="{kit.row("Table")}"'
    links = (
        kit.traces_link(service, table, title="Traces with this table"),
        kit.logs_link(service, pipeline=f' | json | collection="{kit.row("Table")}"', title="Logs about it"),
        kit.BoardLink("Board of this service", "obskit-service", (("service", service),)),
    )
    keys = {"service_name": "Service", "db_operation_name": "Operation", "db_collection_name": "Table"}
    return kit.rows(about, keys, columns, Onward(links, _BOOKS))


def _pool() -> Panel:
    about = About(
        "Connections",
        "Connections by state, and how many may be open.",
        "Used far below the limit.",
        "Used stays at the limit: statements are slow, or code keeps a connection while it waits for others.",
        none="no pool",
    )
    by = ("db_client_connection_state",)
    of = (
        Line(kit.total(DB_CONNECTIONS, SERVICE, by=by), "{{db_client_connection_state}}"),
        Line(kit.total(DB_CONNECTION_MAX, SERVICE), "limit", dashed=True, colour="red"),
    )
    return kit.graph(about, of, Scale("none"), Onward(_WAITED))


def _pending() -> Panel:
    about = About(
        "Waiting for a connection",
        "Callers that wait for a connection now, by pool.",
        "0.",
        "Above 0 for long: the pool is used up; requests pile up behind it.",
        none="no pool",
    )
    expr = kit.total(DB_CONNECTION_PENDING, SERVICE, by=_POOL)
    return kit.graph(
        about, (Line(expr, _POOL_NAME),), Scale("none"), Onward(_LINE_POOL, runbooks=("DatabasePoolPending",))
    )


def _timeouts() -> Panel:
    about = About(
        "Got no connection",
        "Callers a second that got no connection within the pool's timeout.",
        "0.",
        "Each is a failed request: make the slow statement fast before you make the pool bigger.",
        none="no pool",
    )
    expr = kit.per_second(DB_CONNECTION_TIMEOUTS, SERVICE, by=_POOL)
    return kit.graph(
        about, (Line(expr, _POOL_NAME),), Scale("ops"), Onward(_LINE_POOL, runbooks=("DatabasePoolTimeouts",))
    )


def _wait() -> Panel:
    about = About(
        "Time until a connection",
        "p95 of the time until a caller had its connection, by pool. Each dot opens a trace.",
        "Below a millisecond; a new connection takes a few.",
        "Rises: the pool is too small for the load, or connections are held too long.",
        none="no pool",
    )
    expr = kit.quantile(0.95, DB_CONNECTION_WAIT, SERVICE, by=_POOL)
    return kit.latency(
        about,
        (Line(expr, _POOL_NAME),),
        Scale("s"),
        Onward(_LINE_POOL, runbooks=("DatabasePoolPending",)),
        width=12,
    )


def _utilisation() -> Panel:
    about = About(
        "Pool in use by service",
        "Share of the connections that may be open and are in use, by pool.",
        "Below 80 %.",
        "One service at 100 %: its code holds connections, see its slow traces.",
        none="no pool with a limit",
    )
    of = (Line(_share_in_use(), _POOL_NAME),)
    return kit.graph(about, of, _FULL, Onward(_LINE_POOL, runbooks=("DatabasePoolExhausted",)), width=12)


def _queries() -> Panel:
    about = About(
        "Statements per request",
        "p95 of the statements that one request or message runs, by route.",
        "A handful, and the same whatever the size of the answer.",
        "Grows with the data: N+1, see Requests that repeat a statement.",
        none="no statements",
    )
    expr = kit.quantile(0.95, DB_QUERIES, SERVICE, by=("http_route",))
    return kit.latency(
        about,
        (Line(expr, "{{http_route}}"),),
        Scale("none"),
        Onward(_REPEATS, runbooks=("DatabaseNPlusOne",)),
    )


def _queries_spread() -> Panel:
    about = About(
        "Spread of statements per request",
        "How many requests and messages ran how many statements. Each dot opens a trace.",
        "One low band.",
        "A band at 20 and more is a loop around a statement.",
        none="no statements",
    )
    return kit.heat_map(about, kit.buckets(DB_QUERIES, SERVICE), "none", Onward(_REPEATS), width=8)


def _repeats() -> Panel:
    about = About(
        "Requests that repeat a statement",
        "Requests within the shown range that ran one statement OBSKIT_DB_REPEATS times or more, by route and table.",
        "None.",
        "Click a row: the log line has the statement and the line of code that repeats it.",
        none="none in the shown range",
        empty="no statement is repeated; filled by the fault n-plus-one",
    )
    by = ("service_name", "http_route", "db_collection_name")
    columns = (Column("Requests", "none", kit.happening(kit.increase(DB_N_PLUS_ONE, SERVICE, by=by))),)
    service = kit.row("Service")
    links = (
        kit.logs_link(service, pipeline=' | json | event="db.n_plus_one"', title="Repeated statements"),
        kit.traces_link(service, f'span.http.route="{kit.row("Route")}"', title="Traces of the route"),
        kit.BoardLink("Board of this service", "obskit-service", (("service", service),)),
    )
    keys = {"service_name": "Service", "http_route": "Route", "db_collection_name": "Table"}
    return kit.rows(about, keys, columns, Onward(links), width=8)


def _slow() -> Panel:
    about = About(
        "Slow statements by table",
        "Statements a second that took OBSKIT_DB_SLOW_MS or longer, by operation and table.",
        "No line.",
        "A table that appears here wants an index, or less of its rows.",
        none="none in the shown range",
        empty="no slow statement; filled by the fault missing-index",
    )
    expr = kit.happening(kit.per_second(DB_SLOW, *_WHERE, by=("db_operation_name", "db_collection_name")))
    of = (Line(expr, "{{db_operation_name}} {{db_collection_name}}"),)
    return kit.graph(about, of, Scale("ops"), Onward(_SLOW, runbooks=("DatabaseSlowQueries",)), width=12)


def _slow_traces() -> Panel:
    about = About(
        "Traces with a slow statement",
        "Traces in which a statement was slow, newest first.",
        "Few or none.",
        "Open one: the statement's span has its text, its rows and how long it took.",
        none="none in the shown range",
        empty="no slow statement; filled by the fault missing-index",
    )
    query = '{resource.service.name=~"$service" && span.obskit.db.slow=true}'
    return kit.traces(about, query, width=12)


def _slow_lines() -> Panel:
    about = About(
        "What the database log events say",
        "Slow statements with their plan, repeated statements with their code, callers without a connection.",
        "None.",
        "findings says what the plan means, such as a scan of the whole table.",
        none="none in the shown range",
        empty="no slow or repeated statement; filled by the faults missing-index and n-plus-one",
    )
    return kit.log_events(about, "db.")
