"""The public verbs of the topics, joined to the telemetry of this process."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar

from obskit import asgi, auth, jobs, messaging, resilience
from obskit._setup import declare, init
from obskit._typing import ASGIApp, Scope
from obskit.catalog import SERVICE_LABEL
from obskit.errors import ConfigError
from obskit.redaction import redact_text

if TYPE_CHECKING:
    from obskit.asgi._page import MetricsServer

__all__ = [
    "ASGIMiddleware",
    "WSGIMiddleware",
    "auth_check",
    "consume",
    "dependency",
    "fallback",
    "job",
    "produce",
    "push_metrics",
    "retry_budget",
    "serve_metrics",
    "watch_consumer",
    "watch_queue",
]

_F = TypeVar("_F", bound=Callable[..., Any])


def dependency(
    name: str, operation: str, *, retry_budget: resilience.RetryBudget | None = None
) -> resilience.Dependency:
    """Observe one call to something the service depends on, with ``with`` or ``async with``.

    ::

        async with obskit.dependency("payments", "charge") as span:
            receipt = await payments.charge(amount)

    Makes a CLIENT span, a duration with exemplar, and a count by outcome:

    1. ``ok`` and ``error``.
    2. ``timeout``: Timeout is in the name of the exception's class, of a base, or of what it was
       raised from.
    3. ``cancelled``: the caller gave up. An ``asyncio.timeout`` *around* the block is that too; put
       it inside to see the timeout.
    4. ``rejected``: a circuit breaker is open.

    Retries that stamina makes inside the block are attempts of this one call. What the block
    raises is raised on.

    *name* and *operation* become labels: take them from the code, never from data.
    *retry_budget* gets its share of this call.
    """
    return resilience.Dependency(name, operation, init, retry_budget)


def retry_budget(
    dependency: str, *, ratio: float = 0.2, burst: float = 10.0, min_per_s: float = 0.5
) -> resilience.RetryBudget:
    """Return a budget for the retries of calls to *dependency*; make one a dependency, at import.

    ::

        budget = obskit.retry_budget("payments")

        @stamina.retry(on=budget.on(httpx.TransportError), attempts=3)
        async def charge(amount): ...

        async with obskit.dependency("payments", "charge", retry_budget=budget):
            await charge(amount)

    Args:
        dependency: its name, the same as for :func:`dependency`.
        ratio: retries that each call allows.
        burst: retries that may be made at once, which is also where it starts.
        min_per_s: retries a second that are allowed whatever the load.

    Raises:
        ConfigError: a number is below 0, or *burst* below 1.
    """
    allowance = resilience.Allowance(ratio=ratio, burst=burst, min_per_s=min_per_s)
    return declare(resilience.RetryBudget(dependency, allowance, init))


def fallback(dependency: str, kind: resilience.FallbackKind) -> None:
    """Record that an answer of *kind* was given in the place of one from *dependency*.

    ::

        try:
            price = await pricing.fetch(sku)
        except httpx.HTTPError:
            obskit.fallback("pricing", "cached")
            price = last_known[sku]

    *kind* is ``cached`` (an older answer), ``default`` (a fixed one) or ``replica`` (another
    instance's). Counted, an event on the current span and a log line that names the exception
    being handled.
    """
    resilience.fallback(dependency, kind, init)


def job(
    name: str, *, every: str | float | timedelta | None = None, cron: str | None = None, timezone: str = "UTC"
) -> Callable[[_F], _F]:
    """Observe each call of the decorated function, sync or async, as one run of the job *name*.

    ::

        @obskit.job("nightly-report", every="24h")
        def report(): ...

        @obskit.job("invoices", cron="0 3 * * *", timezone="Europe/Berlin")
        async def invoices(): ...

    It does not start the job: cron, a scheduler or a loop of yours does. Each run is a root
    span (linked to the caller's, if there is one) with a request scope of its own, the events
    ``job.started`` and ``job.finished`` or ``job.failed``, and metrics: runs by outcome, duration,
    last success, lateness, overlap. The series exist from :func:`init` on, so that an alert sees
    a job that never ran. What the function raises is raised on.

    Args:
        name: becomes a label; take it from the code.
        every: how often it should run: ``"24h"``, ``"1h30m"``, seconds, or a timedelta.
        cron: the five fields of its cron line; needs the extra ``jobs``.
        timezone: the zone that *cron* is read in.

    Raises:
        ConfigError: *every* or *cron* cannot be read, both are given, or the function is a generator.
    """
    if every is not None and cron is not None:
        msg = f"job {name!r} has both every={every!r} and cron={cron!r}; give the one that starts it."
        raise ConfigError(msg)
    schedule = None
    if every is not None:
        schedule = jobs.interval_schedule(every)
    elif cron is not None:
        schedule = jobs.cron_schedule(cron, timezone)
    observed = jobs.Job(name, schedule, init)

    def decorate(function: _F) -> _F:
        wrapped = observed.wrap(function)
        declare(observed)
        return wrapped

    return decorate


def auth_check(method: str, *, subject: str | None = None) -> auth.AuthCheck:
    """Observe one check of a token or a password: how it ended and why, without naming the user.

    ::

        with obskit.auth_check("access_token") as check:
            claims = jwt.decode(token, key, algorithms=["HS256"])  # PyJWT's errors give the reason
            if claims["jti"] in revoked:
                check.reject("revoked")

        with obskit.auth_check("password", subject=email) as check:
            if not verified:
                check.reject("bad_credentials")

    The reasons are ``obskit.auth.REASONS``; the block's end without one is ``ok``. Counted, put on
    the current span, and logged as ``auth.rejected``. ``check.lock_out()`` counts a lockout.

    Args:
        method: what is checked, as a label: ``access_token``, ``refresh_token``, ``password`` ...
            Call ``obskit.auth_check(method)`` once at import to show its series at 0.
        subject: the account or address, to notice guessing (5 failures within 300 s). Only a
            keyed hash of it is kept, in memory; it is in no label, line or span.
    """
    return auth.AuthCheck(_auth_method(method), subject)


@cache
def _auth_method(name: str) -> auth.AuthMethod:
    return declare(auth.AuthMethod(name, init))


class ASGIMiddleware(asgi.Asgi):
    """Observe any ASGI application as :func:`obskit.instrument` observes FastAPI; the outermost layer.

    ::

        app = obskit.ASGIMiddleware(app, route=lambda scope: scope.get("path_template"))

    Span, RED metrics, access line and request id for each request; ``/livez``, ``/readyz`` and
    ``/metrics`` are served; SIGTERM drains and shutdown flushes.

    Args:
        app: any ASGI 3 application.
        route: gives the template of the route that took a request, such as ``/items/{id}``, from
            its scope when the answer begins, or None. Never the path itself: it becomes a label.
            Without it every request is ``unmatched``.
    """

    def __init__(self, app: ASGIApp, *, route: Callable[[Scope], str | None] | None = None) -> None:
        super().__init__(app, init, route)


class WSGIMiddleware(asgi.Wsgi):
    """Observe any WSGI application: Django, Bottle, Falcon or a plain callable; for Flask see ``instrument``.

    ::

        application = obskit.WSGIMiddleware(application, route=lambda environ: environ.get("bottle.route"))

    Span, RED metrics, access line and request id for each request, from the call to the end of
    its body; ``/livez``, ``/readyz`` and ``/metrics`` are served. There is no lifespan in WSGI: the
    process is ready when it answers, and flushes at its exit.

    Args:
        app: any WSGI application.
        route: gives the template of the route that took a request, such as ``/items/<id>``, from
            its environ, or None. Never the path itself: it becomes a label. A framework may leave
            it in ``environ["obskit.route"]`` instead. Without both a request is ``unmatched``.
    """

    def __init__(
        self, app: Callable[..., Any], *, route: Callable[[dict[str, Any]], str | None] | None = None
    ) -> None:
        super().__init__(app, init, route)


def serve_metrics(port: int, *, host: str = "127.0.0.1") -> "MetricsServer":
    """Serve ``/metrics``, ``/livez`` and ``/readyz`` from a thread, for a worker that serves nothing else.

    ::

        with_metrics = obskit.serve_metrics(9100)  # with_metrics.close() ends it; so does the process

    *port* is that to listen on, 0 a free one (``.port`` says which); *host* is an address of
    this machine: ``0.0.0.0`` inside a container.

    Raises:
        ConfigError: the port cannot be listened on.
    """
    from obskit.asgi import _page  # a server that most do not need

    return _page.serve_pages(port, host, init)


def push_metrics(url: str, *, job: str, timeout_s: float = 5.0) -> bool:
    """Send the metrics of this process to a Pushgateway; call it at the end of a script.

    Replaces what the same *job* sent before, and says whether it arrived: a script that is done
    is not failed by its telemetry. A failure is a log line, ``metrics.push_failed``.

    Args:
        url: address of the Pushgateway, such as ``http://127.0.0.1:9091``.
        job: the group that the metrics belong to; without anything that differs from run to run.
        timeout_s: seconds that it may take.
    """
    from prometheus_client.exposition import push_to_gateway

    telemetry = init()
    labels = {SERVICE_LABEL: telemetry.settings.service}
    try:
        push_to_gateway(url, job, telemetry.registry, grouping_key=labels, timeout=timeout_s)
    except OSError as error:  # of the network, or a refusal: urllib's errors are OSErrors
        telemetry.pipe.emit("warning", "metrics.push_failed", {"url": redact_text(url), "why": str(error)})
        return False
    return True


def consume(message: Any, *, destination: str) -> messaging.Consumed:
    """Handle one message: ``async with obskit.consume(msg, destination="orders.created"): ...``.

    Makes a CONSUMER span that is a child of the producer's, a request scope for the log
    lines, and RED and age metrics. *destination* is the subject or topic, without ids.
    What the handler raises is recorded and raised on; acknowledging stays the handler's.
    ``as handling`` gives ``handling.dead_letter("poison")`` for a message that is given up.

    Takes messages of nats-py, aiokafka and aio-pika as they are, and those of any other
    broker as an :class:`obskit.messaging.Message` with its headers.

    Raises:
        TypeError: *message* is none of these.
    """
    return messaging.consume(message, destination, init)


def produce(headers: messaging.OutgoingHeaders, *, destination: str, system: str) -> messaging.Produced:
    """Publish one message with any broker's client, and fill *headers* for it.

    ::

        headers: list[tuple[str, bytes]] = []  # Kafka's form; a dict for RabbitMQ and others
        async with obskit.produce(headers, destination="orders", system="kafka"):
            await producer.send_and_wait("orders", body, headers=headers)

    Makes a PRODUCER span, propagation and metrics. An instrumented NATS connection does it
    by itself. *destination* is the topic or queue, without ids; *system* is OpenTelemetry's
    name of the broker.
    """
    return messaging.produce(headers, destination, system, init)


def watch_consumer(
    jetstream: Any, *, stream: str, consumer: str, every_s: float = 5.0
) -> messaging.QueueWatch:
    """Show what a durable JetStream consumer has before it, while the ``async with`` block runs.

    Asks *jetstream*, a JetStream context, for depth, unacknowledged and redelivered messages and
    the age of the oldest one that is not done; they are gauges by stream and consumer, asked every *every_s* seconds (0.1 or more).
    Put it into the lifespan of the service that consumes; each replica shows the same.
    """
    ask = partial(messaging.jetstream_state, jetstream, stream, consumer)
    return messaging.QueueWatch(init, ask, destination=stream, consumer=consumer, every_s=every_s)


def watch_queue(
    ask: Callable[[], Awaitable[messaging.QueueState]],
    *,
    destination: str,
    consumer: str,
    every_s: float = 5.0,
) -> messaging.QueueWatch:
    """Show the state that *ask* returns, as :func:`watch_consumer` does, for a queue of any kind.

    An outbox table, a Kafka consumer group's lag, a list in Redis. What *ask* raises shows
    as an unknown depth and is logged once. *destination* and *consumer* are the labels of the
    gauges; *ask* is awaited every *every_s* seconds (0.1 or more).
    """
    return messaging.QueueWatch(init, ask, destination=destination, consumer=consumer, every_s=every_s)
