import itertools
import json
import socket

import httpx
import pytest

from obskit.pager import _requests

KEY = "0123456789abcdef0123456789abcdef"
SEVERITIES = "(must be one of the following: 'critical', 'warning', 'error' or 'info')"
GOOD = {
    "routing_key": KEY,
    "event_action": "trigger",
    "dedup_key": "disk",
    "payload": {"summary": "Disk is full", "source": "db1", "severity": "critical"},
}


def changed(**changes):
    return {**GOOD, **changes}


def payload(**changes):
    return changed(payload={**GOOD["payload"], **changes})


def without(name):
    return changed(payload={key: value for key, value in GOOD["payload"].items() if key != name})


def post(served, event):
    return served.client.post("/v2/enqueue", content=event if isinstance(event, bytes) else json.dumps(event))


def test_accepts_an_event_with_pagerdutys_answer(serve):
    answer = post(serve(), GOOD)
    assert answer.status_code == 202
    assert answer.json() == {"status": "success", "message": "Event processed", "dedup_key": "disk"}


def test_makes_a_dedup_key_when_there_is_none(serve):
    served = serve()
    made = post(served, changed(dedup_key=None)).json()["dedup_key"]
    assert len(made) == 32
    assert served.incidents()[0]["dedup_key"] == made


@pytest.mark.parametrize(
    ("event", "errors"),
    [
        ({}, ["'routing_key' cannot be blank", "'event_action' is missing or blank"]),
        (changed(routing_key=" "), ["'routing_key' cannot be blank"]),
        (changed(routing_key="short"), ["Length of 'routing_key' is incorrect (should be 32 characters)"]),
        (
            changed(routing_key="e+kd5BWM-NCknhB3XnYg"),
            [
                "Length of 'routing_key' is incorrect (should be 32 characters)",
                "'routing_key' cannot contain non-alphanumeric characters.",
            ],
        ),
        (changed(routing_key="x" * 32), ["Invalid routing key"]),
        (changed(routing_key="é" * 32), ["'routing_key' cannot contain non-alphanumeric characters."]),
        (
            changed(routing_key=7),
            [
                "Length of 'routing_key' is incorrect (should be 32 characters)",
                "'routing_key' cannot contain non-alphanumeric characters.",
            ],
        ),
        (changed(event_action=None), ["'event_action' is missing or blank"]),
        (
            changed(event_action="close"),
            [
                "'event_action' is invalid (must be one of the following: 'trigger', 'acknowledge' or 'resolve')"
            ],
        ),
        (
            changed(event_action=["trigger"]),
            [
                "'event_action' is invalid (must be one of the following: 'trigger', 'acknowledge' or 'resolve')"
            ],
        ),
        (changed(event_action="resolve", dedup_key=None), ["'dedup_key' is missing or blank"]),
        (changed(event_action="acknowledge", dedup_key=""), ["'dedup_key' is missing or blank"]),
        (changed(dedup_key="k" * 256), ["'dedup_key' is too long (maximum is 255 characters)"]),
        (changed(dedup_key=["k"]), ["'dedup_key' is invalid (must be a string)"]),
        (
            changed(payload=None),
            [
                "'payload.summary' is missing or blank",
                "'payload.source' is missing or blank",
                "'payload.severity' is missing or blank",
            ],
        ),
        (changed(payload="Disk"), ["'payload' is invalid (must be an object)"]),
        (without("summary"), ["'payload.summary' is missing or blank"]),
        (without("source"), ["'payload.source' is missing or blank"]),
        (without("severity"), ["'payload.severity' is missing or blank"]),
        (payload(summary="  "), ["'payload.summary' is missing or blank"]),
        (payload(summary=1), ["'payload.summary' is invalid (must be a string)"]),
        (payload(summary="x" * 1025), ["'summary' is too long (maiximum is 1024 characters)"]),
        (
            payload(severity="Critical"),
            [f"'payload.severity' is invalid {SEVERITIES}"],
        ),
        (payload(component=1), ["'payload.component' is invalid (must be a string)"]),
        (payload(group=[]), ["'payload.group' is invalid (must be a string)"]),
        (
            payload(timestamp="yesterday"),
            ["'payload.timestamp' is invalid (must be an ISO 8601 date and time)"],
        ),
        (payload(timestamp=12), ["'payload.timestamp' is invalid (must be an ISO 8601 date and time)"]),
        (payload(custom_details="text"), ["'payload.custom_details' is invalid (must be an object)"]),
        (changed(client=1), ["'client' is invalid (must be a string)"]),
        (changed(client_url=1), ["'client_url' is invalid (must be a string)"]),
        (changed(links="x"), ["'links' is invalid (must be an array)"]),
        (changed(links=["x"]), ["'links[0]' is invalid (must be an object)"]),
        (changed(links=[{"text": "Board"}]), ["'links[0].href' is missing or blank"]),
        (changed(links=[{"href": 1}]), ["'links[0].href' is invalid (must be a string)"]),
        (changed(links=[{"href": "http://a", "text": 1}]), ["'links[0].text' is invalid (must be a string)"]),
        (changed(images=[{"alt": "Graph"}]), ["'images[0].src' is missing or blank"]),
    ],
    ids=itertools.count(),
)
def test_refuses_what_breaks_the_contract_in_pagerdutys_words(served, event, errors):
    answer = post(served, event)
    assert answer.status_code == 400
    assert answer.json() == {
        "status": "invalid event",
        "message": "Event object is invalid",
        "errors": errors,
    }
    assert served.incidents() == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"\xff", b'{"a": NaN}', b"[" * 2000])
def test_refuses_what_is_no_json_object(served, body):
    answer = post(served, body)
    assert answer.status_code == 400
    assert answer.json() == {
        "status": "Unrecognized object",
        "message": "Event object format is unrecognized",
        "errors": ["JSON parse error"],
    }


def test_refuses_details_that_are_nested_too_deeply(served):
    deep = {}
    for _ in range(150):
        deep = {"a": deep}
    answer = post(served, payload(custom_details=deep))
    assert answer.json()["errors"] == [
        "'payload.custom_details' is nested too deeply (maximum is 100 levels)"
    ]


def test_takes_the_longest_texts_that_the_contract_allows(serve):
    served = serve()
    event = payload(summary="ü" * 1024)
    assert post(served, {**event, "dedup_key": "ü" * 255}).status_code == 202
    assert served.incidents()[0]["title"] == "ü" * 1024


def test_takes_512_kb_and_refuses_more(serve):
    served = serve()
    event = json.dumps(GOOD).encode()
    assert post(served, event.ljust(512 * 1024)).status_code == 202
    refused = post(served, event.ljust(512 * 1024 + 1))
    assert refused.status_code == 413
    assert refused.json()["errors"] == ["The body is larger than 524288 bytes."]


def test_refuses_a_body_that_never_says_its_length(served):
    def endless():
        yield from itertools.repeat(b" " * 65_536, 64)

    assert served.client.post("/v2/enqueue", content=endless()).status_code == 413


def test_survives_a_sender_that_goes_away(serve):
    served = serve()

    def broken():
        yield b"{"
        raise httpx.ReadError("gone")

    with pytest.raises(httpx.ReadError):
        served.client.post("/v2/enqueue", content=broken())
    assert served.send().status_code == 202


def test_throttles_above_the_rate(serve, clock):
    served = serve(events_per_s=1)
    assert [served.send().status_code for _ in range(3)] == [202, 202, 429]
    answer = served.send()
    assert answer.json()["status"] == "throttle exceeded"
    assert answer.headers["retry-after"] == "1"
    clock.pass_s(1)
    assert served.send().status_code == 202


def test_throttles_what_would_open_one_incident_too_many(serve):
    served = serve(max_open=1)
    assert served.send(key="a").status_code == 202
    assert served.send(key="b").status_code == 429
    assert served.send(key="a").status_code == 202
    assert served.send("resolve", key="a").status_code == 202
    assert served.send(key="b").status_code == 202


def test_answers_the_first_events_with_the_statuses_asked_for(serve):
    served = serve(fail=(500, 429))
    assert [served.send().status_code for _ in range(3)] == [500, 429, 202]
    assert len(served.incidents()) == 1


def test_keeps_links_images_and_the_senders_address_as_links(serve):
    served = serve()
    event = changed(
        client="Alertmanager",
        client_url="http://127.0.0.1:9093/",
        links=[{"href": "http://127.0.0.1:3000/d/1", "text": "Dashboard"}, {"href": "https://a.example/"}],
        images=[{"src": "https://a.example/i.png", "alt": "Graph"}],
    )
    post(served, event)
    assert served.incidents()[0]["links"] == [
        {"href": "http://127.0.0.1:3000/d/1", "text": "Dashboard"},
        {"href": "https://a.example/", "text": "https://a.example/"},
        {"href": "https://a.example/i.png", "text": "Graph"},
        {"href": "http://127.0.0.1:9093/", "text": "Alertmanager"},
    ]


@pytest.mark.parametrize("href", ["javascript:alert(1)", "data:text/html,x", "/relative", "http://a b/"])
def test_an_address_that_is_no_web_address_never_becomes_a_link(serve, href):
    served = serve()
    assert post(served, changed(links=[{"href": href, "text": "Runbook"}])).status_code == 202
    (incident,) = served.incidents()
    assert incident["links"] == []
    assert [entry["message"] for entry in incident["timeline"] if entry["type"] == "note"] == [
        f"Not shown as a link, because it is no web address: {href}"
    ]


@pytest.mark.parametrize(
    ("timestamp", "occurred_at"),
    [
        ("2015-07-17T08:42:58.315+0000", "2015-07-17T08:42:58.315Z"),
        ("2015-07-17T10:42:58+02:00", "2015-07-17T08:42:58.000Z"),
        ("2015-07-17T08:42:58", "2015-07-17T08:42:58.000Z"),
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("", None),
    ],
)
def test_reads_when_the_sender_saw_it(serve, timestamp, occurred_at):
    served = serve()
    assert post(served, payload(timestamp=timestamp)).status_code == 202
    assert served.incidents()[0]["occurred_at"] == occurred_at


def test_a_resolve_needs_no_payload_and_no_valid_one(serve):
    served = serve()
    served.send()
    resolve = changed(event_action="resolve", payload={"summary": "x" * 5000})
    assert post(served, resolve).status_code == 202
    assert served.incidents()[0]["status"] == "resolved"


def test_never_shows_the_routing_key(serve, tmp_path):
    served = serve()
    post(served, GOOD)
    assert KEY not in served.client.get("/v1/incidents").text
    files = [path.read_bytes() for path in tmp_path.glob("pager.db*")]
    assert files
    assert not any(KEY.encode() in content for content in files)


WATCHDOG = {"status": "firing", "labels": {"alertname": "Watchdog"}}


@pytest.mark.parametrize(
    ("webhook", "status"),
    [
        ({"alerts": [WATCHDOG]}, "alive"),
        ({"alerts": [{**WATCHDOG, "status": "resolved"}]}, "ignored"),
        ({"alerts": [{"status": "firing", "labels": {"alertname": "Other"}}]}, "ignored"),
        ({"alerts": [None, {"status": "firing", "labels": None}]}, "ignored"),
    ],
)
def test_only_a_firing_watchdog_is_a_sign_of_life(served, webhook, status):
    answer = served.client.post("/v1/heartbeat", json=webhook)
    assert (answer.status_code, answer.json()["status"]) == (200, status)


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"{", "application/json", 400),
        (json.dumps({"alerts": [WATCHDOG]}).encode(), "text/plain", 415),
    ],
)
def test_refuses_what_is_no_webhook(served, content, kind, status):
    answer = served.client.post("/v1/heartbeat", content=content, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert answer.json().keys() == {"error", "fix"}


def test_a_body_that_never_arrives_is_given_up(serve, monkeypatch):
    monkeypatch.setattr(_requests, "_PATIENCE_S", 0.05)
    address = serve().client.base_url
    with socket.create_connection((address.host, address.port), timeout=20) as slow:
        slow.sendall(b"POST /v2/enqueue HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\n{")
        answer = slow.recv(4_096)
    assert answer.startswith(b"HTTP/1.1 408 ")
