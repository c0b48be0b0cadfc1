"""The examples of obskit/asgi/README.md are run as they stand there, on real servers."""

import re
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.validate import validator

import httpx
import pytest
import uvicorn

import obskit
from obskit.errors import ConfigError, InstrumentError

PAGE = Path(__file__).parents[2] / "obskit" / "asgi" / "README.md"
TRACE = "0af7651916cd43dd8448eb211c80319c"
HEADERS = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}


def example(heading, **changed):
    """Run the first block of Python below *heading* and return its names."""
    section = PAGE.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    code = re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]
    for before, after in changed.values():
        assert before in code
        code = code.replace(before, after)
    names = {"__name__": "example"}
    exec(compile(code, f"README.md, {heading}", "exec"), names)
    return names


class Quiet(WSGIRequestHandler):
    def log_message(self, *_arguments):
        pass


@contextmanager
def wsgi(app):
    """A server of the standard library, with its own checker of the protocol in between."""
    server = make_server("127.0.0.1", 0, validator(app), handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{server.server_port}", trust_env=False, timeout=60
        ) as client:
            yield client
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def asgi(app, port):
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + 60
        while not server.started:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


def access_line(capture, **fields):
    """The caller has its answer before the request, in the server's thread, is at its end: the line."""
    deadline = time.monotonic() + 60
    while not capture.logs.all(event="http.request", **fields) and time.monotonic() < deadline:
        time.sleep(0.02)
    return capture.logs.one(event="http.request", **fields)


def seen(capture, route):
    """The request is one line, one span and one series, of one trace."""
    line = access_line(capture, route=route)
    span = capture.spans.one(f"GET {route}", kind="SERVER")
    assert line.trace_id == span.trace_id == TRACE
    assert capture.metrics.delta("http_server_request_duration_seconds", http_route=route) == 1
    return line


def pages(client, service):
    assert client.get("/livez").text == "ok\n"
    assert client.get("/readyz").status_code == 200
    assert f'service_name="{service}"' in client.get("/metrics").text
    assert client.post("/metrics").status_code == 405


def test_flask(obs_capture):
    with wsgi(example("Flask")["app"]) as client:
        answer = client.get("/items/3", headers=HEADERS)
        assert answer.json() == {"item": 3}
        assert seen(obs_capture, "/items/<int:item>").request_id == answer.headers["x-request-id"]
        assert client.get("/nothing").status_code == 404
        assert access_line(obs_capture, status=404).route == "unmatched"
        pages(client, "flasky")


def test_flask_says_once_what_was_not_handled(obs_capture):
    with wsgi(example("Flask")["app"]) as client:
        assert client.get("/broken", headers=HEADERS).status_code == 500

    line = seen(obs_capture, "/broken")
    assert (line.outcome, line.level, line.exception["type"]) == ("server_error", "error", "KeyError")
    assert len(obs_capture.logs.all(level="error")) == 1
    labels = {"http_route": "/broken", "error_type": "KeyError"}
    assert obs_capture.metrics.delta("http_server_request_duration_seconds", **labels) == 1


def test_flask_twice_is_once_and_a_blueprint_is_refused(obs_capture):
    from flask import Blueprint

    app = example("Flask")["app"]
    inner = app.wsgi_app
    assert obskit.instrument(app) is app
    assert app.wsgi_app is inner
    with pytest.raises(InstrumentError, match="got a Blueprint; pass the Flask application itself"):
        obskit.instrument(Blueprint("shop", __name__))


def test_any_asgi_application(obs_capture, free_port):
    with asgi(example("Any ASGI application")["app"], free_port()) as client:
        assert client.get("/hello/you", headers=HEADERS).text == "hello"
        seen(obs_capture, "/hello/{name}")
        assert 'service_name="plain-asgi"' in client.get("/metrics").text


def test_any_wsgi_application(obs_capture):
    with wsgi(example("Any WSGI application")["app"]) as client:
        answer = client.get("/hello/you", headers=HEADERS)
        assert answer.text == "hello"
        assert seen(obs_capture, "/hello/<name>").request_id == answer.headers["x-request-id"]
        pages(client, "plain-wsgi")


@pytest.mark.parametrize("is_lazy", [True, False])
def test_a_wsgi_application_that_raises(obs_capture, is_lazy):
    def eager(environ, start_response):
        raise ValueError("no")

    def lazy(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"a"
        obskit.get_logger().info("in.the.body")
        raise ValueError("no")

    obskit.init(service="testing")
    app = obskit.WSGIMiddleware(lazy if is_lazy else eager, route=lambda _environ: "/x")
    with pytest.raises(ValueError, match="no"):
        taken(app)

    line = obs_capture.logs.one(event="http.request")
    assert (line.outcome, line.exception["type"], line.route) == ("server_error", "ValueError", "/x")
    if is_lazy:
        assert obs_capture.logs.one(event="in.the.body").trace_id == line.trace_id
    assert obs_capture.metrics.value("http_server_active_requests") == 0


def test_a_body_that_nobody_takes_to_its_end_is_aborted(obs_capture):
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"a"
        yield b"b"

    obskit.init(service="testing")
    body = obskit.WSGIMiddleware(application)(environ(), lambda *_arguments: None)
    assert next(iter(body)) == b"a"
    body.close()
    body.close()

    assert obs_capture.logs.one(event="http.request").outcome == "aborted"


def environ():
    from wsgiref.util import setup_testing_defaults

    made = {}
    setup_testing_defaults(made)
    return made


def taken(app):
    body = app(environ(), lambda *_arguments: None)
    try:
        return b"".join(body)
    finally:
        body.close()


def test_a_worker(obs_capture):
    names = example("A worker")
    try:
        url = f"http://127.0.0.1:{names['pages'].port}"
        with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
            text = client.get("/metrics").text
            assert 'resizer_images_total{service_name="resizer"} 1.0' in text
            assert 'obskit_job_duration_seconds_count{job_name="resize",outcome="ok"' in text
            assert client.get("/readyz").status_code == 200
            assert client.get("/").status_code == 404
    finally:
        names["pages"].close()
    assert obs_capture.logs.one(event="job.finished").service == "resizer"


def test_a_port_that_is_taken_is_named(obs_capture):
    obskit.init(service="testing")
    first = obskit.serve_metrics(0)
    try:
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{first.port} .*use another port"):
            obskit.serve_metrics(first.port)
    finally:
        first.close()


class Gateway(BaseHTTPRequestHandler):
    def do_PUT(self):
        self.server.taken[self.path] = self.rfile.read(int(self.headers["content-length"])).decode()
        self.send_response(self.server.answer)
        self.end_headers()

    def log_message(self, *_arguments):
        pass


@contextmanager
def gateway(answer=200):
    server = HTTPServer(("127.0.0.1", 0), Gateway)
    server.taken, server.answer = {}, answer
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_script(obs_capture):
    with gateway() as server:
        example("A script", url=("http://127.0.0.1:9091", f"http://127.0.0.1:{server.server_port}"))
        ((path, body),) = server.taken.items()

    assert path == "/metrics/job/import/service_name/importer"
    assert "obskit_job_runs_total" in body
    assert obs_capture.logs.one(event="import.done").trace_id


def test_a_script_is_not_failed_by_a_gateway_that_is_not_there_or_refuses(obs_capture, free_port):
    obskit.init(service="testing")
    assert not obskit.push_metrics(f"http://127.0.0.1:{free_port()}", job="import")
    with gateway(answer=400) as server:
        assert not obskit.push_metrics(f"http://127.0.0.1:{server.server_port}", job="import")
    assert len(obs_capture.logs.all(event="metrics.push_failed")) == 2


def test_celery(obs_capture, wait_for):
    from celery.contrib.testing.worker import start_worker

    names = example("Celery")
    with start_worker(names["app"], pool="solo", perform_ping_check=False, loglevel="error"):
        with obskit.span("request") as request:
            names["charge"].delay(7)
        wait_for(lambda: obs_capture.spans.all(kind="CONSUMER"), "the run of the task", within_s=60)

    line = obs_capture.logs.one(event="charge.done", amount=7)
    (sent,) = obs_capture.spans.all(kind="PRODUCER")
    (run,) = obs_capture.spans.all(kind="CONSUMER")
    assert line.trace_id == run.trace_id == sent.trace_id == f"{request.get_span_context().trace_id:032x}"
    assert run.raw.parent.span_id == sent.raw.context.span_id
