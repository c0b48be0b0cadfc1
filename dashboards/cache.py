"""Caches: what they answer, how fast, and what the database carries for them."""

from obskit import boards as kit
from obskit.boards import RANGE, SERVICE, About, Board, Column, Line, Onward, Panel, Row, Scale
from obskit.catalog import (
    CACHE_DURATION,
    CACHE_ENTRIES,
    CACHE_EVICTIONS,
    CACHE_HIT_AGE,
    CACHE_LOOKUPS,
    DB_DURATION,
)

_WHERE = (SERVICE, 'cache_name=~"$cache"')
_CACHE = ("service_name", "cache_name", "backend")
_CACHE_NAME = "{{service_name}} {{cache_name}} {{backend}}"
_HIT = 'outcome="hit"'
_FAILURES = Scale("percentunit", kit.watched("CacheErrorRatioHigh"))
_BOOKS = ("CacheErrorRatioHigh",)

_CACHED = (
    kit.logs_link(pipeline=' | json | event="cache.failed"', title="Caches that failed"),
    kit.traces_link(kit.CHOSEN, "kind=server", title="Traces of requests"),
)


def _of(service: str) -> tuple[kit.Link, ...]:
    return (
        kit.logs_link(service, pipeline=' | json | event="cache.failed"', title="Caches that failed"),
        kit.traces_link(service, "kind=server", title="Traces of requests"),
    )


_CACHE_LINE = _of(kit.series("service_name"))
_ROW = (
    *_of(kit.row("Service")),
    kit.BoardLink("Database of this service", "obskit-database", (("service", kit.row("Service")),)),
)
_NEXT = (kit.next_board("database", "Database"),)


def board() -> Board:
    """Return the board."""
    return Board(
        name="cache",
        title="Caches",
        question="Do the caches answer, and what does the database carry when they do not?",
        how_to_read=(
            "Hits fall, lookups do not: the rest goes to the database, which is drawn beside them. "
            "An answer from a cache is as old as Age of what is found says."
        ),
        when_paged=(
            "The database is loaded and **Hits** fell just before: a cold or lost cache is the cause. "
            "**Failed lookups** above 0: the cache server is gone, requests go on without it."
        ),
        variables=(
            kit.services(CACHE_LOOKUPS),
            kit.pick("cache", "Cache", CACHE_LOOKUPS, "cache_name", SERVICE),
        ),
        rows=(
            Row("", (_hits_now(), _rate(), _failed_now(), _p95(), _held(), _left())),
            Row("Hits", (_hits(), _lookups(), _behind())),
            Row("How fast and how old", (_cache_durations(), _ages(), _spread())),
            Row("What leaves", (_evictions(), _entries(), _table())),
            Row("Logs", (_lines(),)),
        ),
    )


def _hits_now() -> Panel:
    about = About(
        "Hits",
        "Share of lookups that the caches answer.",
        "Level; how high depends on the data.",
        "Falls after a deploy: the cache is cold, the database carries the rest.",
        none="no cache",
    )
    expr = kit.error_ratio(CACHE_LOOKUPS, _HIT, *_WHERE)
    return kit.number(
        about, expr, Scale("percentunit"), Onward(_CACHED, runbooks=("CacheHitRatioLow",), boards=_NEXT)
    )


def _rate() -> Panel:
    about = About(
        "Lookups a second",
        "Keys looked up a second.",
        "In step with requests.",
        "0 while there are requests: the cache is not used any more.",
        none="no cache",
    )
    return kit.number(about, kit.per_second(CACHE_LOOKUPS, *_WHERE), Scale("ops"), Onward(_CACHED))


def _failed_now() -> Panel:
    about = About(
        "Failed lookups",
        "Share of lookups that the cache did not answer because it failed.",
        "0 %.",
        "The cache server is gone or too slow; each lookup costs its timeout.",
        none="no cache",
    )
    expr = kit.error_ratio(CACHE_LOOKUPS, 'outcome="error"', *_WHERE)
    return kit.number(about, expr, _FAILURES, Onward(_CACHED, _BOOKS))


def _p95() -> Panel:
    about = About(
        "Operation p95",
        "Nineteen of twenty cache operations are done at least this fast.",
        "Microseconds in memory, a millisecond over the network.",
        "As slow as the database: the cache is of no use now.",
        none="no cache",
    )
    return kit.number(about, kit.quantile(0.95, CACHE_DURATION, *_WHERE), Scale("s"), Onward(_CACHED))


def _held() -> Panel:
    about = About(
        "Entries held",
        "Entries in all chosen caches in memory.",
        "Level.",
        "0: it was emptied or restarted.",
        none="no cache in memory",
    )
    return kit.number(about, kit.total(CACHE_ENTRIES, *_WHERE), Scale("short"), Onward(_CACHED))


def _left() -> Panel:
    about = About(
        "Left by themselves",
        "Entries within the shown range that left because the cache was full or their time was over.",
        "About as many as were stored.",
        "See Evictions for the reason.",
        none="no cache",
    )
    return kit.over_range(about, kit.increase(CACHE_EVICTIONS, *_WHERE), Scale("short"), Onward(_CACHED))


def _behind() -> Panel:
    about = About(
        "Misses and statements",
        "Lookups a second that missed, and database statements a second of the same services.",
        "Statements in step with misses.",
        "Misses jump and statements with them: a cold cache. Statements alone: see the database board.",
        none="no cache",
    )
    of = (
        Line(kit.per_second(CACHE_LOOKUPS, *_WHERE, 'outcome="miss"'), "misses", colour="orange"),
        Line(kit.per_second(DB_DURATION, SERVICE), "statements", colour="blue"),
    )
    return kit.graph(about, of, Scale("ops"), Onward(_CACHED, boards=_NEXT))


def _spread() -> Panel:
    about = About(
        "Spread of operations",
        "How many cache operations took how long. Each dot opens a trace.",
        "One band.",
        "A band at the timeout: the server does not answer.",
        none="no cache",
    )
    return kit.heat_map(about, kit.buckets(CACHE_DURATION, *_WHERE), "s", Onward(_CACHED), width=8)


def _table() -> Panel:
    about = About(
        "Caches",
        "Each cache over the shown range: lookups, hits, failures, how fast.",
        "Few failures.",
        "Click a row for its log lines, or the database behind it.",
        none="no cache",
    )
    columns = (
        Column("Lookups/s", "ops", kit.per_second(CACHE_LOOKUPS, *_WHERE, by=_CACHE, window=RANGE)),
        Column("Hits", "percentunit", kit.error_ratio(CACHE_LOOKUPS, _HIT, *_WHERE, by=_CACHE, window=RANGE)),
        Column(
            "Failed",
            "percentunit",
            kit.error_ratio(CACHE_LOOKUPS, 'outcome="error"', *_WHERE, by=_CACHE, window=RANGE),
            _FAILURES.thresholds,
        ),
        Column("p95", "s", kit.quantile(0.95, CACHE_DURATION, *_WHERE, by=_CACHE, window=RANGE)),
    )
    keys = {"service_name": "Service", "cache_name": "Cache", "backend": "Backend"}
    return kit.rows(about, keys, columns, Onward(_ROW, _BOOKS), width=8)


def _lines() -> Panel:
    about = About(
        "Caches that failed",
        "When a cache did not answer, why, and when it did again.",
        "None.",
        "Between failed and recovered every request went to the database.",
        none="none in the shown range",
        empty="all caches answer; filled by the fault cold-cache",
    )
    return kit.log_events(about, "cache.")


def _hits() -> Panel:
    about = About(
        "Hits by cache",
        "Share of lookups that each cache answers.",
        "Level.",
        "Falls at once: it was emptied or restarted. Falls slowly: it is too small, see Evictions.",
        none="no cache",
    )
    of = (Line(kit.error_ratio(CACHE_LOOKUPS, 'outcome="hit"', *_WHERE, by=_CACHE), _CACHE_NAME),)
    return kit.graph(about, of, Scale("percentunit"), Onward(_CACHE_LINE, runbooks=("CacheHitRatioLow",)))


def _lookups() -> Panel:
    about = About(
        "Lookups",
        "Lookups a second by what came of them.",
        "Mostly hit.",
        "error: the cache does not answer; each costs its timeout.",
        none="no cache",
    )
    of = (Line(kit.per_second(CACHE_LOOKUPS, *_WHERE, by=("outcome",)), "{{outcome}}"),)
    return kit.stack(about, of, Scale("ops"), Onward(_CACHED))


def _cache_durations() -> Panel:
    about = About(
        "Duration of cache operations",
        "p95 by cache. Each dot opens a trace.",
        "Microseconds in memory, a millisecond over the network.",
        "As slow as the database: the cache is of no use now.",
        none="no cache",
    )
    of = (Line(kit.quantile(0.95, CACHE_DURATION, *_WHERE, by=_CACHE), _CACHE_NAME),)
    return kit.latency(about, of, Scale("s"), Onward(_CACHE_LINE))


def _ages() -> Panel:
    about = About(
        "Age of what is found",
        "p95 of the age of entries when they were found. Each dot opens a trace.",
        "Below the time that entries may live.",
        "Near 0: entries are replaced before they are used; see Evictions.",
        none="no cache",
    )
    of = (Line(kit.quantile(0.95, CACHE_HIT_AGE, *_WHERE, by=_CACHE), _CACHE_NAME),)
    return kit.latency(about, of, Scale("s"), Onward(_CACHE_LINE))


def _evictions() -> Panel:
    about = About(
        "Evictions",
        "Entries a second that left a cache by themselves, by reason.",
        "By time, not by size.",
        "By size: it is too small for what is asked.",
        none="no cache",
    )
    of = (Line(kit.per_second(CACHE_EVICTIONS, *_WHERE, by=("reason",)), "{{reason}}"),)
    return kit.graph(about, of, Scale("ops"), Onward(_CACHED))


def _entries() -> Panel:
    about = About(
        "Entries",
        "Entries that each cache in memory holds.",
        "Level, below its size.",
        "At its size: see Evictions.",
        none="no cache in memory",
    )
    of = (Line(kit.total(CACHE_ENTRIES, *_WHERE, by=_CACHE), _CACHE_NAME),)
    return kit.graph(about, of, Scale("none"), Onward(_CACHE_LINE))
