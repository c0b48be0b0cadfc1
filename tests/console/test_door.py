import asyncio

import pytest

from obskit.console._door import Door


class Served:
    """Says which of the two applications answered."""

    def __init__(self, name):
        self.name = name

    async def __call__(self, _scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-by", self.name.encode())]})
        await send({"type": "http.response.body", "body": b""})


def asked(path="/", kind="http", method="GET", **headers):
    """Return what the door sends first."""
    sent = []

    async def send(message):
        sent.append(message)

    given = {"host": "127.0.0.1:8600", **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": kind,
        "method": method,
        "path": path,
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }
    asyncio.run(Door(Served("page"), Served("part"))(scope, None, send))
    return sent[0]


@pytest.mark.parametrize("host", ["127.0.0.1:8600", "localhost:8600", "[::1]:8600", "127.0.0.1"])
def test_this_machine_is_served_by_its_own_names(host):
    assert asked(host=host)["status"] == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:8600", "", "192.0.2.7:8600", "localhost.evil"]
)
def test_any_other_name_is_refused(host):
    assert asked(host=host)["status"] == 403


def test_two_host_headers_are_refused():
    sent = []

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "headers": [(b"host", b"127.0.0.1:8600"), (b"host", b"evil.example")],
    }
    asyncio.run(Door(Served("page"), Served("part"))(scope, None, send))

    assert sent[0]["status"] == 403


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://127.0.0.1:9090", "null", "http://localhost:8600"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_requests_of_another_origin_are_refused(origin, method):
    assert asked(method=method, origin=origin)["status"] == 403


def test_requests_of_the_same_origin_are_served():
    assert asked(method="POST", origin="http://127.0.0.1:8600")["status"] == 200


def test_a_link_from_elsewhere_may_lead_here():
    assert asked(sec_fetch_site="cross-site")["status"] == 200


def test_a_change_from_elsewhere_is_refused_without_an_origin_too():
    assert asked(method="POST", sec_fetch_site="same-site")["status"] == 403


@pytest.mark.parametrize("origin", [None, "http://evil.example"])
def test_a_socket_needs_our_own_origin(origin):
    headers = {} if origin is None else {"origin": origin}

    assert asked(kind="websocket", **headers)["type"] == "websocket.close"


def test_a_socket_of_our_own_page_is_a_part():
    answer = asked(kind="websocket", origin="http://127.0.0.1:8600")

    assert (b"x-by", b"part") in answer["headers"]


@pytest.mark.parametrize(
    ("path", "by"),
    [
        ("/", b"page"),
        ("/d/x", b"page"),
        ("/metrics", b"page"),
        ("/_nicegui/3/static/x.js", b"part"),
        ("/static/a.css", b"part"),
    ],
)
def test_parts_of_pages_are_answered_beside_what_is_observed(path, by):
    assert (b"x-by", by) in asked(path)["headers"]


def test_every_answer_carries_the_policy():
    for answer in (asked(), asked(host="evil.example")):
        assert b"content-security-policy" in dict(answer["headers"])
