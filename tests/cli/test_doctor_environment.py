"""obskit doctor: what the environment of a service says, each break by its own line."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from obskit.cli._doctor import examine_environment


def wrong(findings):
    assert all(finding.fix for finding in findings if finding.state != "ok")
    return {finding.check: finding for finding in findings if finding.state != "ok"}


@pytest.fixture
def collector():
    """Starts an OTLP/HTTP collector that answers with a status, and a date of its own."""
    servers = []

    def start(status, date=None):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def date_time_string(self, timestamp=None):
                return date or super().date_time_string(timestamp)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_port}"}

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_environment_with_a_collector_is_right(collector, tmp_path):
    findings = examine_environment(
        {**collector(200), "OBSKIT_LOG_DIR": str(tmp_path / "logs"), "TZ": "Europe/Berlin"}
    )

    assert wrong(findings) == {}


@pytest.mark.parametrize(
    ("environ", "check", "says"),
    [
        ({}, "collector", "spans are not exported"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, "collector", "cannot be reached"),
        ({"OBSKIT_LOG_LEVEL": "loud"}, "settings", "OBSKIT_LOG_LEVEL='loud' is not accepted"),
        ({"OBSKIT_LOG_DIR": "{file}/logs"}, "log dir", "cannot be written to"),
        ({"TZ": "Europe/Nowhere"}, "clock", "no known time zone"),
        ({"WEB_CONCURRENCY": "4", "PROMETHEUS_MULTIPROC_DIR": "/x"}, "workers", "without exemplars"),
        (
            {"OTEL_RESOURCE_ATTRIBUTES": "team=a,api_key=k-123456"},
            "settings secrets",
            "OTEL_RESOURCE_ATTRIBUTES",
        ),
        ({"OBSKIT_ENVIRONMENT": "token=abc123def"}, "settings secrets", "OBSKIT_ENVIRONMENT"),
    ],
)
def test_each_break_of_the_environment_is_named_by_its_line_only(collector, tmp_path, environ, check, says):
    (tmp_path / "file").touch()
    given = {name: value.format(file=tmp_path / "file") for name, value in environ.items()}

    found = wrong(examine_environment((collector(200) if check != "collector" else {}) | given))

    assert found.keys() == {check}
    assert says in found[check].what
    assert "k-123456" not in str(found)
    assert "abc123def" not in str(found)


@pytest.mark.parametrize(
    ("status", "says"), [(401, "refuses us with status 401"), (404, "answers 404"), (500, "answers 500")]
)
def test_collector_that_does_not_take_spans_is_named(collector, status, says):
    assert says in wrong(examine_environment(collector(status)))["collector"].what


def test_clock_that_differs_from_the_collectors_is_named(collector):
    found = wrong(examine_environment(collector(200, "Mon, 02 Mar 2020 10:00:00 GMT")))

    assert found.keys() == {"clock skew"}


@pytest.mark.parametrize(
    "environ",
    [{"WEB_CONCURRENCY": "4"}, {"GUNICORN_CMD_ARGS": "--bind :80 --workers=4"}, {"UVICORN_WORKERS": "4"}],
)
def test_workers_are_counted(environ):
    said = {finding.check: finding.what for finding in examine_environment(environ)}

    assert said["workers"].startswith("4 (")
