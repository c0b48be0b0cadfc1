"""Every route of every service, asked with what its OpenAPI allows, forbids, and what attackers send."""

import importlib
import os
from contextlib import suppress
from urllib.parse import quote

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from starlette.testclient import TestClient

EXAMPLES = int(os.environ.get("OBSKIT_EXAMPLES", "60"))
EACH = max(4, EXAMPLES // 10)
"""Requests to one route."""
SERVICES = ("users", "payments", "inventory", "orders", "notifications", "gateway")
BOUNDED = settings(
    max_examples=EACH,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
AWAY = {502, 503, 504}
"""A service that is busy may say so; in a body that says who and why."""
INJECTED = (
    "' OR '1'='1",
    "'; DROP TABLE orders; --",
    '" UNION SELECT name FROM sqlite_master --',
    "x\r\nX-Injected: yes",
    "x%0d%0aX-Injected: yes",
    "../../../etc/passwd",
    "{{7*7}}${7*7}",
    "\x00",
    "\ufeff\u202e\U0001f4a9",
    "A" * 10_000,
)


@pytest.fixture
def service(request, tmp_path, monkeypatch, free_port):
    """One service alone, in this process: nobody limits it, and nobody it calls is there."""
    monkeypatch.setenv("OBSKIT_HOME", str(tmp_path))
    monkeypatch.setenv("GATEWAY_AUTH", "optional")
    monkeypatch.setenv("GATEWAY_RATE_LIMIT", "1000000/second")
    monkeypatch.setenv("NATS_URL", f"nats://127.0.0.1:{free_port()}")
    monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{free_port()}")
    for name in ("USERS", "PAYMENTS", "PROVIDER", "INVENTORY", "ORDERS"):
        monkeypatch.setenv(f"{name}_URL", f"http://127.0.0.1:{free_port()}")
    return importlib.import_module(f"sample_services.{request.param}.app").create_app()


def running(app):
    return TestClient(app, raise_server_exceptions=False, headers={"X-User-Id": "fuzz"})


def operations(app):
    schema = schemathesis.openapi.from_dict(app.openapi())
    schema.config.update(base_url="http://testserver")
    return [found.ok() for found in schema.get_all_operations()]


def drawn(operation, mode):
    """Return requests to one route. Made before the service runs: its threads use the same chance."""
    cases = []

    @BOUNDED
    @given(case=operation.as_strategy(generation_mode=mode))
    def keep(case):
        cases.append(case)

    with suppress(Unsatisfiable):  # a route that takes nothing takes nothing wrong
        keep()
    return cases


def checked(answer, asked):
    """Check what holds of every answer, whatever was asked."""
    code = answer.status_code
    assert code < 500 or code in AWAY, f"{asked}: {code} {answer.text[:500]}"
    assert "x-injected" not in answer.headers, asked
    if code >= 400 and answer.request.method != "HEAD":
        assert answer.headers["content-type"].startswith("application/problem+json"), f"{asked}: {code}"
        problem = answer.json()
        assert problem["status"] == code
        assert problem["detail"], asked
    return answer


def send(client, case):
    asked = case.as_transport_kwargs()
    asked["cookies"] = None
    if isinstance(asked.get("data"), bytes | str):
        asked["content"] = asked.pop("data")
    asked["headers"] = {name: value for name, value in asked["headers"].items() if is_sendable(value)}
    return client.request(**{name: value for name, value in asked.items() if value is not None})


def is_sendable(value):
    return value.isascii() and value.isprintable()


@pytest.mark.parametrize("service", SERVICES, indirect=True)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "wrong"])
def test_no_route_fails_on_any_input(service, mode):
    found = [case for operation in operations(service) for case in drawn(operation, mode)]
    with running(service) as client:
        for case in found:
            checked(send(client, case), case.as_curl_command())


@pytest.mark.parametrize("service", SERVICES, indirect=True)
def test_what_attackers_send_is_text_or_refused(service):
    with running(service) as client:
        for operation in operations(service):
            for text in INJECTED:
                asked = f"{operation.label} {text[:40]!r}"
                answer = checked(attack(client, operation, text), asked)
                assert "\n" not in "".join(answer.headers.values()), asked
        assert client.get("/livez").status_code == 200


@pytest.mark.parametrize(
    ("service", "method", "path", "asked"),
    [
        ("inventory", "GET", "/stock", {"params": {"after": "A\x00"}}),
        ("notifications", "GET", "/suppressions", {"params": {"after": "a\x00"}}),
        ("notifications", "POST", "/campaigns", {"json": {"subject": "s", "text": "t\x00", "recipients": 1}}),
    ],
    indirect=["service"],
)
def test_a_nul_is_refused_for_postgresql_would_fail_at_it(service, method, path, asked):
    with running(service) as client:
        assert checked(client.request(method, path, **asked), path).status_code == 422


def attack(client, operation, text):
    """Send *text* wherever text can be sent: path, query, headers and every field of the body."""
    path = operation.path
    for parameter in operation.path_parameters:
        path = path.replace(f"{{{parameter.name}}}", quote(text, safe=""))
    asked = {"params": {parameter.name: text for parameter in operation.query}}
    if operation.body:
        document = operation.schema.raw_schema
        asked["json"] = filled(operation.body[0].definition["schema"], text, document)
    plain = quote(text[:1000])
    names = ("Idempotency-Key", "X-Request-ID", "X-Forwarded-Proto")
    asked["headers"] = {**dict.fromkeys(names, plain), "Authorization": f"Bearer {plain}"}
    return client.request(operation.method, path, **asked)


def filled(schema, text, document):
    """Return a body in which every value that may be text is *text*."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if schema.get("type") == "object":
        return {name: filled(each, text, document) for name, each in schema.get("properties", {}).items()}
    return text if schema.get("type") == "string" else schema.get("examples", [1])[0]
