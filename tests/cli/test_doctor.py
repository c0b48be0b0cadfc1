"""obskit doctor: each break is named by its line, and by no other."""

import json
import os
import subprocess
import sys

import pytest

from obskit.cli import main
from obskit.cli._child import Child
from obskit.cli._doctor import _application, examine_application

SHOP = """
import obskit
from fastapi import FastAPI
obskit.init(service="shop"{arguments})
app = FastAPI()

@app.get("/orders")
async def orders():
    {body}
    return []

{before}
obskit.instrument(app)
{after}
"""

SECOND_SERVER_SPAN = """
from opentelemetry import trace
class Traced:
    def __init__(self, app):
        self.app = app
    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        with trace.get_tracer("other.instrumentation").start_as_current_span("x", kind=trace.SpanKind.SERVER):
            await self.app(scope, receive, send)
app.add_middleware(Traced)
"""
FAILING_LIFESPAN = """
from contextlib import asynccontextmanager
@asynccontextmanager
async def lifespan(app):
    raise RuntimeError("no database at db:5432")
    yield
app.router.lifespan_context = lifespan
"""
TIMING = """
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
class Timing(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        return await call_next(request)
class Below:
    def __init__(self, inner):
        self._inner = inner
    async def __call__(self, scope, receive, send):
        await self._inner(scope, receive, send)
def closed_over(inner):
    async def call(scope, receive, send):
        await inner(scope, receive, send)
    return call
"""
OUTSIDE = {
    "around it": "app = Timing(app)",
    "a function around it": "async def go_on(request, call_next):\n    return await call_next(request)\n"
    "app = BaseHTTPMiddleware(app, dispatch=go_on)",
    "around what is around it": "app = Timing(GZipMiddleware(app))",
    "in what is around it": "app = GZipMiddleware(Timing(app))",
    "around an object of another make": "app = Timing(Below(app))",
    "around a function": "app = Timing(closed_over(app))",
    "in a function that names it": "timed = Timing(app)\n"
    "async def app(scope, receive, send):\n    await timed(scope, receive, send)",
    "around any ASGI application": "app = Timing(obskit.ASGIMiddleware(app.router))",
}
DECORATED = """
@app.middleware("http")
async def timing(request, call_next):
    return await call_next(request)
"""
ADDED = f"{TIMING}app.add_middleware(Timing)"
OWN_METRICS = """
class Wrapper:
    def __init__(self, app):
        self.app = app
    async def __call__(self, scope, receive, send):
        if scope.get("path") == "/metrics":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self.app(scope, receive, send)
app = Wrapper(app)
"""
SECOND_METRICS = """
from starlette_exporter import PrometheusMiddleware
app.add_middleware(PrometheusMiddleware)
"""


# Starting Python and importing FastAPI takes seconds, a fork of a process that has them takes none.
FORKS = """
import json, os, sys, traceback
import fastapi, httpx, starlette.middleware.base
from obskit.cli._doctor import _probe
for line in sys.stdin:
    order = json.loads(line)
    child = os.fork()
    if child == 0:
        try:
            os.chdir(order["folder"])
            os.environ.clear()
            os.environ.update(order["environ"])
            for number, name in ((1, "stdout"), (2, "stderr")):
                os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            _probe.main([*order["arguments"], "answer"])
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)
    os.waitpid(child, 0)
    print("done", flush=True)
"""


@pytest.fixture(scope="module")
def forks():
    command = [sys.executable, "-c", FORKS]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    environ = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    with subprocess.Popen(command, env=environ, **pipes) as process:
        yield process
        process.stdin.close()


@pytest.fixture
def quickly(forks, tmp_path, monkeypatch):
    """Lets the application run in a fork instead of a process that starts from nothing."""

    def run(module, arguments, *, without=()):
        environ = {name: value for name, value in os.environ.items() if name not in without}
        order = {"folder": str(tmp_path), "environ": environ, "arguments": arguments}
        print(json.dumps(order), file=forks.stdin, flush=True)
        assert forks.stdout.readline() == "done\n"
        answer = tmp_path / "answer"
        found = json.loads(answer.read_bytes()) if answer.exists() else None
        return Child(found, (tmp_path / "stdout").read_text(), (tmp_path / "stderr").read_text())

    monkeypatch.setattr(_application, "run_child", run)


def shop(arguments="", body="pass", before="", after=""):
    return SHOP.format(arguments=arguments, body=body, before=before, after=after)


@pytest.fixture
def put(tmp_path, monkeypatch):
    """Writes the module that --app names, and its neighbours, into the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    for name in ("PYTEST_CURRENT_TEST", "OTEL_TRACES_SAMPLER", "OTEL_PROPAGATORS"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "starlette_exporter.py").write_text(
        "class PrometheusMiddleware:\n"
        "    def __init__(self, app):\n        self.app = app\n"
        "    async def __call__(self, *call):\n        await self.app(*call)\n"
    )

    def put(source):
        (tmp_path / "shop.py").write_text(source)

    return put


def wrong(findings):
    assert all(finding.fix for finding in findings if finding.state != "ok")
    return {finding.check: finding for finding in findings if finding.state != "ok"}


def test_application_that_is_right_has_nothing_but_ok(put, quickly):
    put(shop())

    findings = examine_application("shop:app", "")

    assert wrong(findings) == {}
    said = {finding.check: finding.what for finding in findings}
    assert said["request"] == "GET /orders answered 200"
    assert said["server span"] == "one: GET /orders"
    assert {"access line", "exemplar", "stdout", "secrets"} <= said.keys()


@pytest.mark.parametrize(
    ("check", "state", "source", "environ", "says"),
    [
        ("application", "fail", "import no_such_module", {}, "No module named 'no_such_module'"),
        ("application", "fail", "app = 3", {}, "is neither an ASGI nor a WSGI application"),
        ("application", "fail", "apps = 3", {}, "has no 'app'"),
        ("application", "fail", shop(arguments=", log_level='loud'"), {}, "'loud' is not accepted"),
        ("application", "fail", shop(before=FAILING_LIFESPAN), {}, "no database at db:5432"),
        ("instrumented", "fail", "from fastapi import FastAPI\napp = FastAPI()", {}, "is not observed"),
        ("service name", "warn", shop().replace('service="shop"', ""), {}, "it has none"),
        ("request", "fail", shop(body="raise KeyError('price')"), {}, "answered 500 (KeyError)"),
        ("server span", "fail", shop(before=SECOND_SERVER_SPAN), {}, "2 SERVER spans"),
        ("server span", "fail", shop(), {"OTEL_TRACES_SAMPLER": "always_off"}, "the sampler drops"),
        ("exemplar", "fail", shop(after=OWN_METRICS), {}, "text/plain"),
        ("access line", "fail", shop(arguments=", log_format='none'"), {}, "go nowhere"),
        ("access line", "fail", shop(), {"OBSKIT_LOG_LEVEL": "error"}, "left no line"),
        (
            "access line",
            "fail",
            shop(body="obskit.init().pipe.flush(5); print('thinking', end=' ', flush=True)"),
            {},
            "not JSON: thinking",
        ),
        ("stdout", "warn", shop(body="print('got here', flush=True)"), {}, "not JSON: got here"),
        ("outer middleware", "warn", shop(after=f"{TIMING}app = Timing(app)"), {}, "shop.Timing"),
        ("other metrics", "warn", shop(before=SECOND_METRICS), {}, "starlette_exporter.PrometheusMiddleware"),
        (
            "secrets",
            "fail",
            shop(body="import os; obskit.get_logger().info('db ' + os.environ['SHOP_DB_PASSWORD'])"),
            {"SHOP_DB_PASSWORD": "correct-horse"},
            "SHOP_DB_PASSWORD",
        ),
        (
            "collector",
            "fail",
            shop(arguments=", otlp_endpoint='http://127.0.0.1:9'"),
            {},
            "cannot be reached",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 60 else "",
)
def test_each_break_is_named_by_its_line_only(  # noqa: PLR0917 - a row of the table
    put, quickly, monkeypatch, check, state, source, environ, says
):
    put(source)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    found = wrong(examine_application("shop:app", ""))

    assert found.keys() == {check}
    assert found[check].state == state
    assert says in found[check].what
    assert "correct-horse" not in str(found)


@pytest.mark.parametrize("way", OUTSIDE)
def test_base_http_middleware_outside_is_found_however_it_is_put_there(put, quickly, way):
    put(shop(after=TIMING + OUTSIDE[way]))

    found = wrong(examine_application("shop:app", ""))

    assert found.keys() == {"outer middleware"}
    assert "is a BaseHTTPMiddleware around it" in found["outer middleware"].what
    assert "app.add_middleware(...) instead of wrapping" in found["outer middleware"].fix


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("code", [ADDED, DECORATED], ids=["added", "decorated"])
def test_base_http_middleware_that_is_added_is_inside_whenever_it_comes(put, quickly, when, code):
    put(shop(**{when: code}))

    assert wrong(examine_application("shop:app", "")) == {}


FLASK = """
import obskit
from flask import Flask
obskit.init(service="shop")
app = Flask("shop")

@app.get("/orders")
def orders():
    {body}
    return []

{after}
"""
STARLETTE = """
import obskit
from starlette.applications import Starlette
obskit.init(service="shop")
app = obskit.ASGIMiddleware(Starlette())
"""


@pytest.mark.parametrize(
    ("source", "request_line"),
    [
        pytest.param(FLASK.format(body="pass", after="obskit.instrument(app)"), "GET /orders", id="flask"),
        pytest.param(
            FLASK.format(body="pass", after="app = obskit.WSGIMiddleware(app.wsgi_app)"), "GET /", id="wsgi"
        ),
        pytest.param(STARLETTE, "GET /", id="asgi"),
    ],
)
def test_application_of_another_framework_is_asked_too(put, quickly, source, request_line):
    put(source)

    findings = examine_application("shop:app", request_line)

    assert wrong(findings) == {}
    assert {"server span", "exemplar", "access line"} <= {finding.check for finding in findings}


def test_flask_that_fails_or_is_not_observed_is_named(put, quickly):
    put(FLASK.format(body="raise KeyError('price')", after="obskit.instrument(app)"))
    failed = wrong(examine_application("shop:app", "GET /orders"))
    put(FLASK.format(body="pass", after=""))
    unseen = wrong(examine_application("shop:app", ""))

    assert "answered 500 (KeyError)" in failed["request"].what
    assert unseen.keys() == {"instrumented"}


def test_trace_that_is_not_continued_is_named_by_the_span(put, monkeypatch):
    put(shop())
    monkeypatch.setenv("OTEL_PROPAGATORS", "none")  # read when OpenTelemetry is imported

    found = wrong(examine_application("shop:app", ""))

    assert found.keys() == {"server span"}
    assert "does not continue" in found["server span"].what


def test_factory_and_another_request_are_taken(put, quickly):
    put(
        "import obskit\nfrom fastapi import FastAPI\n"
        "def create_app():\n    obskit.init(service='shop')\n    return obskit.instrument(FastAPI())\n"
    )

    findings = examine_application("shop:create_app", "POST /nowhere")

    assert wrong(findings) == {}
    assert "POST /nowhere answered 404" in [finding.what for finding in findings]


@pytest.fixture
def type_in(capsys):
    def type_in(*arguments):
        with pytest.raises(SystemExit) as caught:
            main.run(("doctor", *arguments))
        said = capsys.readouterr()
        return caught.value.code, said.out, said.err

    return type_in


def test_doctor_exits_1_on_a_fail_and_prints_the_fix(put, quickly, type_in):
    put("from fastapi import FastAPI\napp = FastAPI()")

    code, out, _ = type_in("--app", "shop:app")

    assert code == 1
    assert "fail  instrumented" in out
    assert "fix: app = obskit.instrument(app)" in out


def test_doctor_writes_json_and_a_warning_is_no_problem(type_in, put):
    code, out, _ = type_in("--json")

    report = json.loads(out)
    assert (code, report["ok"]) == (0, True)
    assert {"check", "state", "what", "fix"} == report["findings"][0].keys()


def test_log_dir_that_cannot_be_used_does_not_hide_the_application(
    put, quickly, type_in, tmp_path, monkeypatch
):
    put(shop())
    (tmp_path / "file").touch()
    monkeypatch.setenv("OBSKIT_LOG_DIR", str(tmp_path / "file" / "logs"))

    code, out, _ = type_in("--app", "shop:app", "--json")

    states = {each["check"]: each["state"] for each in json.loads(out)["findings"]}
    assert code == 1
    assert [check for check, state in states.items() if state == "fail"] == ["log dir"]
    assert states["exemplar"] == "ok"


def test_request_that_is_none_is_misuse(type_in):
    code, _, err = type_in("--app", "shop:app", "--request", "orders")

    assert code == 2
    assert "'orders' is no method and path" in err
