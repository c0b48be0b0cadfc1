"""What is pushed arrives once, or is refused in Loki's words."""

import gzip
import json
import zlib

import cramjam
import pytest

from obskit.embedded.logs._bodies import MAX_BODY_BYTES
from obskit.embedded.logs._push import MAX_LINE_BYTES
from obskit.embedded.logs._push_proto import PushRequest

PUSH = "/loki/api/v1/push"
START = 1795305600000000000
BODY = {"streams": [{"stream": {"app": "a"}, "values": [[str(START), "hello", {"trace_id": "t"}]]}]}
STORED = [({"app": "a", "trace_id": "t"}, "hello")]


def send(store, body, **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return store.client.post(PUSH, content=body, headers={"content-type": "application/json", **names})


def packed(labels='{app="a"}', ts=(1795305600, 0), line="hello", metadata=(("trace_id", "t"),)):
    request = PushRequest()
    stream = request.streams.add(labels=labels)
    entry = stream.entries.add(line=line)
    entry.timestamp.seconds, entry.timestamp.nanos = ts
    for name, value in metadata:
        entry.structured_metadata.add(name=name, value=value)
    return bytes(cramjam.snappy.compress_raw(request.SerializeToString()))


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [
        ("identity", bytes),
        ("gzip", gzip.compress),
        ("deflate", lambda body: zlib.compress(body, wbits=-15)),
    ],
)
def test_json_is_taken(store, encoding, encode):
    assert send(store, encode(json.dumps(BODY).encode()), content_encoding=encoding).status_code == 204
    assert store.lines('{app="a"}') == STORED


@pytest.mark.parametrize("headers", [{}, {"content_encoding": "snappy"}])
def test_snappy_protobuf_is_taken(store, headers):
    answer = send(store, packed(), content_type="application/x-protobuf", **headers)
    assert answer.status_code == 204, answer.text
    assert store.lines('{app="a"}') == STORED


def test_what_is_sent_again_is_stored_once(store):
    for _ in range(3):
        assert store.push(["same", "other"]).status_code == 204
    assert [text for _, text in store.lines('{app="a"}')] == ["same", "other"]


def test_lines_of_one_moment_keep_their_order(store):
    store.push([[str(START), str(number)] for number in range(20)])
    assert [text for _, text in store.lines('{app="a"}')] == [str(number) for number in range(20)]


@pytest.mark.parametrize("ts", [0, -5, 1, 2**63 - 2, START * 2])
def test_samples_of_any_age_are_taken(store, ts):
    assert store.push([[str(ts), "x"]]).status_code == 204
    answer = store.ask('{app="a"}', start=ts, end=ts + 1) if ts > 10**10 else None
    if answer is not None:
        assert len(answer.json()["data"]["result"]) == 1


def test_empty_values_of_labels_are_no_labels(store):
    store.push(["x"], {"app": "a", "empty": ""})
    assert store.lines('{app="a"}') == [({"app": "a"}, "x")]


@pytest.mark.parametrize(
    "line",
    ["", " ", "\0", "a\nb", "naïve ☕", "💥" * 10, "\\u0041", '{"a":"\\u0000"}', "%_*[x]?", "x" * 1_000_000],
)
def test_every_line_comes_back_as_it_was(store, line):
    assert store.push([line]).status_code == 204
    assert store.lines('{app="a"}') == [({"app": "a"}, line)]


@pytest.mark.parametrize("text", ["*", "?", "[", "]", "a*b?[c]", "\0", "é", "x" * 2_000, "%", "\\"])
def test_plain_texts_are_found_whatever_is_in_them(store, text):
    store.push([f"before {text} after", "other line", f"\0 {text}"])
    assert len(store.lines('{app="a"} |= ' + json.dumps(text).replace("\\u0000", "\\x00"))) == 2
    assert len(store.lines('{app="a"} != ' + json.dumps(text).replace("\\u0000", "\\x00"))) == 1


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        ("{", 400, "couldn't parse push request"),
        ("[]", 422, "at least one valid stream is required"),
        ("{}", 422, "at least one valid stream is required"),
        ({"streams": 1}, 400, "streams is not a list"),
        ({"streams": [1]}, 400, "labels are not an object"),
        ({"streams": [{"stream": {"a": 1}}]}, 400, "labels are not an object"),
        (
            {"streams": [{"stream": {"a": "b"}, "values": [["x", "y"]]}]},
            400,
            'strconv.ParseInt: parsing "x": invalid syntax',
        ),
        ({"streams": [{"stream": {"a": "b"}, "values": [[5, "y"]]}]}, 400, "strconv.ParseInt"),
        ({"streams": [{"stream": {"a": "b"}, "values": [["9" * 19, "y"]]}]}, 400, "value out of range"),
        ({"streams": [{"stream": {"a": "b"}, "values": [["1"]]}]}, 400, "a value is not"),
        ({"streams": [{"stream": {"a": "b"}, "values": [["1", "y", {"m": 1}]]}]}, 400, "structured metadata"),
        ({"streams": [{"stream": {}, "values": [["1", "y"]]}]}, 400, "at least one label pair is required"),
        ({"streams": [{"stream": {"a-b": "c"}, "values": [["1", "y"]]}]}, 400, "error parsing labels"),
        (
            {"streams": [{"stream": {f"l{n}": "x" for n in range(16)}, "values": [["1", "y"]]}]},
            400,
            "has 16 label names; limit 15",
        ),
        ({"streams": [{"stream": {"a": "x" * 3_000}, "values": [["1", "y"]]}]}, 400, "label value too long"),
        ({"streams": [{"stream": {"a" * 1_025: "x"}, "values": [["1", "y"]]}]}, 400, "label name too long"),
    ],
)
def test_a_bad_push_is_refused(shared_store, body, status, problem):
    answer = send(shared_store, body if isinstance(body, str) else json.dumps(body))
    assert (answer.status_code, problem in answer.text) == (status, True), answer.text
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"not snappy", {"content_type": "application/x-protobuf"}, 400),
        (
            bytes(cramjam.snappy.compress_raw(b"\xff\xff\xff")),
            {"content_type": "application/x-protobuf"},
            400,
        ),
        (packed(labels="a=b"), {"content_type": "application/x-protobuf"}, 400),
        (packed(labels='{a="b"'), {"content_type": "application/x-protobuf"}, 400),
        (packed(labels="{}"), {"content_type": "application/x-protobuf"}, 400),
        (b"{}", {"content_encoding": "zstd"}, 400),
        (b"no gzip", {"content_encoding": "gzip"}, 400),
        (gzip.compress(b"{}", mtime=0)[:-5], {"content_encoding": "gzip"}, 400),
        (b"{}", {"content_type": ""}, 400),
        (b"x" * (MAX_BODY_BYTES + 1), {}, 413),
        (gzip.compress(b"x" * (MAX_BODY_BYTES + 1)), {"content_encoding": "gzip"}, 413),
        (
            bytes(cramjam.snappy.compress_raw(b"x" * (MAX_BODY_BYTES + 1))),
            {"content_type": "application/x-protobuf"},
            413,
        ),
        (b"\xff\xff\xff\xff\x0f", {"content_type": "application/x-protobuf"}, 413),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(shared_store, body, headers, status):
    answer = send(shared_store, body, **headers)
    assert answer.status_code == status, answer.text


def test_good_lines_of_a_push_are_kept_when_others_are_bad(store):
    body = {
        "streams": [
            {
                "stream": {"app": "a"},
                "values": [[str(START), "good"], [str(START), "x" * (MAX_LINE_BYTES + 1)]],
            },
            {"stream": {}, "values": [[str(START), "lost"]]},
            {"stream": {"app": "b"}, "values": [[str(START), "good too"]]},
        ]
    }
    assert send(store, json.dumps(body)).status_code == 400
    assert [text for _, text in store.lines('{app=~".+"}')] == ["good", "good too"]


def test_a_line_that_is_too_long_is_named(shared_store):
    answer = shared_store.push(["x" * (MAX_LINE_BYTES + 1)])
    assert f"Max entry size '{MAX_LINE_BYTES}' bytes exceeded for stream '{{app=\"a\"}}'" in answer.text


def test_metadata_is_bounded(shared_store):
    assert "too large" in shared_store.push([[str(START), "x", {"a": "b" * 70_000}]]).text
    assert "too many" in shared_store.push([[str(START), "x", {f"m{n}": "b" for n in range(200)}]]).text


def test_streams_are_bounded(store, monkeypatch):
    monkeypatch.setattr("obskit.embedded.logs._store.MAX_STREAMS", 3)
    answers = [store.push(["x"], {"app": str(number)}) for number in range(5)]
    assert [answer.status_code for answer in answers] == [204, 204, 204, 429, 429]
    assert "Maximum active stream limit exceeded" in answers[-1].text
    assert store.push(["y"], {"app": "0"}).status_code == 204


def test_an_unknown_path_is_not_found(shared_store):
    assert shared_store.client.get("/loki/api/v1/nosuch").status_code == 404
    assert shared_store.client.get(PUSH).status_code == 405


def test_says_that_it_is_ready(shared_store):
    assert shared_store.client.get("/ready").text == "ready\n"
    assert shared_store.client.get("/loki/api/v1/status/buildinfo").json()["version"] == "3.7.6"
