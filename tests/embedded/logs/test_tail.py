"""Tailing over a websocket: old lines first, then each new one."""

import json
from contextlib import ExitStack

import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect

START = 1795305600000000000


def address(store, query, **params):
    from urllib.parse import urlencode

    return f"ws://127.0.0.1:{store.port}/loki/api/v1/tail?" + urlencode({"query": query, **params})


def receive(socket, count):
    """Return the first *count* lines, with their labels."""
    found = []
    while len(found) < count:
        for stream in json.loads(socket.recv(10))["streams"]:
            found += [(stream["stream"], text) for _, text in stream["values"]]
    return found


def test_old_lines_come_first_then_new_ones(store):
    store.push(["old one", "old two"])
    with connect(address(store, '{app="a"}', start=START - 1, limit=10)) as socket:
        assert receive(socket, 2) == [({"app": "a"}, "old one"), ({"app": "a"}, "old two")]
        store.push([[str(START + 5), "new"]])
        assert receive(socket, 1) == [({"app": "a"}, "new")]


def test_only_what_the_query_selects_comes(store):
    with connect(address(store, '{app="a"} |= "x" | json | n > 1')) as socket:
        store.push(['{"n":1,"x":1}', '{"n":2}', '{"n":3,"x":1}'])
        store.push(['{"n":4,"x":1}'], {"app": "b"})
        store.push([[str(START + 9), '{"n":5,"x":1}', {"trace_id": "t"}]])
        found = receive(socket, 2)
    assert [labels["n"] for labels, _ in found] == ["3", "5"]
    assert found[1][0]["trace_id"] == "t"


def test_tailed_files_are_followed_too(serve, tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    store = serve(log_dir=folder)
    with connect(address(store, '{service_name="orders"}')) as socket:
        (folder / "orders.1.jsonl").write_text('{"service":"orders","level":"info","event":"a.b"}\n')
        ((labels, text),) = receive(socket, 1)
    assert labels == {"service_name": "orders", "environment": "unknown", "level": "info"}
    assert json.loads(text)["event"] == "a.b"


@pytest.mark.parametrize(
    ("query", "params"),
    [
        ("{", {}),
        ("", {}),
        ('rate({app="a"}[1m])', {}),
        ('{app=~".*"}', {}),
        ('{app="a"}', {"delay_for": 6}),
        ('{app="a"}', {"delay_for": "x"}),
        ('{app="a"}', {"limit": 0}),
        ('{app="a"} | unpack', {}),
    ],
)
def test_a_query_that_cannot_be_tailed_is_refused(shared_store, query, params):
    with pytest.raises(InvalidStatus) as raised, connect(address(shared_store, query, **params)):
        pass
    assert raised.value.response.status_code == 400


def test_who_reads_too_slowly_is_told_what_was_dropped(serve, monkeypatch):
    monkeypatch.setattr("obskit.embedded.logs._live._MOST_WAITING", 10)
    store = serve()
    with connect(address(store, '{app="a"}')) as socket:
        store.push([f"line {place}" for place in range(100)])
        message = json.loads(socket.recv(10))
    assert len(message["dropped_entries"]) == 90
    assert message["streams"][0]["values"][-1][1] == "line 99"


def test_a_query_that_fails_ends_the_connection(serve):
    store = serve(timeout_s=0.0)
    store.push(["x"])
    with (
        connect(address(store, '{app="a"}', start=START)) as socket,
        pytest.raises(ConnectionClosedError) as raised,
    ):
        socket.recv(10)
    assert "timed out" in raised.value.rcvd.reason


def test_no_more_than_ten_tail_at_once(store):
    with ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(connect(address(store, '{app="a"}')))
        with pytest.raises(InvalidStatus) as raised, connect(address(store, '{app="a"}')):
            pass
    assert b"max concurrent tail requests limit exceeded" in raised.value.response.body


def test_many_may_tail_and_leave(store, wait_for):
    for _ in range(20):
        with connect(address(store, '{app="a"}')):
            pass
    wait_for(lambda: not store.backend._live._followers, "nobody is left")
    assert store.push(["x"]).status_code == 204
