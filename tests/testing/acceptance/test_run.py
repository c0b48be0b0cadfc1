"""Acceptance checks say of each request what differs from what was asked for."""

import asyncio
import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette

import obskit
from obskit.testing._application import StartupError, load_app, running
from obskit.testing.acceptance import check_url, parse_checks
from obskit.testing.acceptance._run import run_checks


@pytest.fixture
def run(obs_capture):
    """Runs one check against a shop in this process and returns its problems."""
    obskit.init(log_format="none")
    app = FastAPI()

    @app.post("/orders/{sku}", status_code=201)
    async def order(sku: str):
        obskit.get_logger().info("order.created", sku=sku)
        if sku == "none":
            raise KeyError(sku)
        return {"sku": sku, "state": "new"}

    obskit.instrument(app)

    def run(request="POST /orders/A-1", **expected):
        checks = parse_checks({"checks": [{"request": request, **expected}]}, {})

        async def asked():
            async with running(app) as client:
                return await run_checks(checks, client, obs_capture)

        return asyncio.run(asked())

    return run


def test_check_that_is_met_has_no_problem(run):
    results = run(
        status=201,
        headers={
            "Content-Type": "application/json",
            "x-request-id": {"present": True},
            "etag": {"present": False},
        },
        body={"sku": "A-1"},
        access_line={"route": "/orders/{sku}", "status": 201, "duration_ms": {"at_least": 0}},
        logs=[{"event": "order.created", "sku": {"matches": "^A-"}}],
        span={"name": "POST /orders/{sku}", "http.response.status_code": {"one_of": [200, 201]}},
        metrics=[
            {
                "metric": "http_server_request_duration_seconds_count",
                "labels": {"http_route": "/orders/{sku}"},
            }
        ],
    )

    assert [result.problems for result in results] == [(), ()]


@pytest.mark.parametrize(
    ("expected", "problem"),
    [
        ({"status": 200}, "status: expected 200, got 201"),
        ({"headers": {"location": {"present": True}}}, "headers.location: expected present: True, got none"),
        ({"body": {"state": "done"}}, "body: expected {'state': 'done'}, got {'sku': 'A-1', 'state': 'new'}"),
        (
            {"access_line": {"outcome": "client_error"}},
            "access_line.outcome: expected 'client_error', got 'ok'",
        ),
        ({"access_line": {"user_id": 7}}, "access_line.user_id: expected 7, got none"),
        ({"span": {"status": "ERROR"}}, "span.status: expected 'ERROR', got 'UNSET'"),
        (
            {"logs": [{"event": "order.paid"}]},
            "logs[0]: no line has event 'order.paid'; logged were order.created, http.request",
        ),
        (
            {"metrics": [{"metric": "http_server_request_duration_seconds_count", "change": 2}]},
            "metrics[0]: http_server_request_duration_seconds_count{}: expected a change of 2, got 1",
        ),
        (
            {"metrics": [{"metric": "orders_total"}]},
            "metrics[0]: there is no metric 'orders_total'; near to it:",
        ),
    ],
)
def test_difference_is_named_by_its_key(run, expected, problem):
    (result, _) = run(**expected)

    assert len(result.problems) == 1
    assert result.problems[0].startswith(problem)


def test_server_error_is_a_problem_unless_it_is_expected(run):
    (result, _) = run("POST /orders/none")
    assert result.problems == ("status: 500, and the check says nothing of a server error",)

    (result, _) = run("POST /orders/none", status=500)
    assert result.passed


def test_health_pages_leave_nothing_and_none_is_demanded(run):
    (result, _) = run("GET /livez", status=200)

    assert result.passed


def test_application_without_obskit_lacks_everything(obs_capture):
    app = Starlette()  # FastAPI makes a span of its own
    checks = parse_checks({"checks": [{"request": "GET /"}]}, {})

    async def asked():
        async with running(app) as client:
            return await run_checks(checks, client, obs_capture)

    problems = " ".join(asyncio.run(asked())[0].problems)
    assert "one SERVER span a request is expected, there are 0 (none)" in problems
    assert "one line http.request a request is expected, there are 0" in problems
    assert "headers.x-request-id: the answer has none" in problems


def test_label_without_a_bound_is_a_result_of_its_own(run, obs_capture):
    from prometheus_client import Counter

    Counter("seen", "Seen.", ["user"], registry=obs_capture.telemetry.registry).labels(
        "ada@example.org"
    ).inc()

    (_, labels) = run()

    assert not labels.passed
    assert "seen{user}" in labels.problems[0]


@pytest.fixture
def service():
    """A service in another process, as far as the checks can tell: an address."""
    counted = {"requests": 0}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/metrics":
                body = f"# TYPE shop_requests_total counter\nshop_requests_total {counted['requests']}\n".encode()
            else:
                counted["requests"] += 1
                body = b"{}"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_service_that_is_up_is_checked_from_outside(service, tmp_path):
    file = tmp_path / "checks.yaml"
    file.write_text(
        "checks:\n  - request: GET /\n    status: 2xx\n    access_line: {outcome: ok}\n"
        "    metrics: [{metric: shop_requests_total}]\n"
    )

    (result, labels) = check_url(file, service)

    assert result.passed
    assert labels.passed
    assert result.unseen == ("access_line",)


def test_lifespan_runs_around_the_requests_and_its_state_reaches_them():
    seen = []

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            scope["state"]["pool"] = "open"
            await send({"type": "lifespan.startup.complete"})
            await receive()
            seen.append("closed")
            await send({"type": "lifespan.shutdown.complete"})
            return
        seen.append(scope["state"]["pool"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def asked():
        async with running(app) as client:
            return (await client.get("/")).status_code

    assert asyncio.run(asked()) == 204
    assert seen == ["open", "closed"]


def test_application_without_a_lifespan_is_served():
    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def asked():
        async with running(app) as client:
            return (await client.get("/")).status_code

    assert asyncio.run(asked()) == 204


def test_wsgi_application_is_asked_in_a_thread():
    """It may run an event loop of its own, and a body may come packed."""
    closed = []

    class Body(list):
        def close(self):
            closed.append(True)

    async def name():
        return environ_seen[-1]["PATH_INFO"].encode()

    environ_seen = []

    def application(environ, start_response):
        environ_seen.append(environ)
        start_response("200 OK", [("content-encoding", "gzip")])
        return Body([gzip.compress(asyncio.run(name()))])

    async def run():
        async with running(application) as client:
            return (await client.get("/orders")).text

    assert asyncio.run(run()) == "/orders"
    assert closed == [True]


def test_lifespan_that_fails_is_an_error_with_its_last_line():
    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "Traceback\nOSError: no database"})

    async def asked():
        async with running(app):
            pytest.fail("it did not start")

    with pytest.raises(StartupError, match="OSError: no database"):
        asyncio.run(asked())


@pytest.mark.parametrize("target", ["shop", "shop:", ":app"])
def test_target_of_another_form_is_refused(target):
    with pytest.raises(obskit.ConfigError, match=r"name a module and what it holds"):
        load_app(target)


def test_own_requests_leave_no_lines_of_the_client(run, obs_capture):
    run()

    assert obs_capture.logs.all(logger="httpx") == ()
