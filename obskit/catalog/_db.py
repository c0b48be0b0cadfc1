"""Database metrics: OpenTelemetry's names (operations stable, pool in development), and ours."""

from obskit.catalog._metric import LATENCY_BUCKETS, Metric

__all__ = [
    "DB_CONNECTIONS",
    "DB_CONNECTION_MAX",
    "DB_CONNECTION_PENDING",
    "DB_CONNECTION_TIMEOUTS",
    "DB_CONNECTION_WAIT",
    "DB_DURATION",
    "DB_N_PLUS_ONE",
    "DB_QUERIES",
    "DB_SLOW",
]

_POOL = "db_client_connection_pool_name"

DB_DURATION = Metric(
    "db_client_operation_duration_seconds",
    "histogram",
    "Duration of database statements and commits, as the caller waits; CONNECT has the failed connections.",
    ("db_system_name", "db_operation_name", "db_collection_name", "error_type"),
    # A query is ten times faster than a request: OpenTelemetry advises to begin at 1 ms.
    (0.001, *LATENCY_BUCKETS),
)
DB_SLOW = Metric(
    "obskit_db_slow_queries_total",
    "counter",
    "Statements that took OBSKIT_DB_SLOW_MS or longer.",
    ("db_operation_name", "db_collection_name"),
)
DB_QUERIES = Metric(
    "obskit_db_queries_per_request",
    "histogram",
    "Statements that one request or message ran, of those that ran any.",
    ("http_route", "messaging_destination_name"),
    (1, 2, 3, 5, 10, 20, 50, 100, 200, 500),
)
DB_N_PLUS_ONE = Metric(
    "obskit_db_n_plus_one_suspected_total",
    "counter",
    "Statements that one request or message ran OBSKIT_DB_REPEATS times or more, once a request.",
    ("http_route", "messaging_destination_name", "db_collection_name"),
)
DB_CONNECTIONS = Metric(
    "db_client_connection_count",
    "gauge",
    "Connections of the pool, by state.",
    (_POOL, "db_client_connection_state"),
)
DB_CONNECTION_MAX = Metric(
    "db_client_connection_max",
    "gauge",
    "Connections that the pool may open, overflow included; no series when there is no limit.",
    (_POOL,),
)
DB_CONNECTION_PENDING = Metric(
    "db_client_connection_pending_requests",
    "gauge",
    "Callers that wait for a connection now.",
    (_POOL,),
)
DB_CONNECTION_TIMEOUTS = Metric(
    "db_client_connection_timeouts_total",
    "counter",
    "Callers that got no connection within the pool's timeout.",
    (_POOL,),
)
DB_CONNECTION_WAIT = Metric(
    "db_client_connection_wait_time_seconds",
    "histogram",
    "Time until a caller had its connection, opening a new one included.",
    (_POOL,),
    (0.001, *LATENCY_BUCKETS, 30.0),
)
