import gzip
import json
import zlib

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

JSON = {"content-type": "application/json"}
PROTOBUF = {"content-type": "application/x-protobuf"}


def protobuf_of(payload):
    """The same request as protobuf; OTLP/JSON has its ids in hex, protobuf's own JSON in base64."""
    request = ExportTraceServiceRequest()
    plain = json.loads(json.dumps(payload))
    for batch in plain["resourceSpans"]:
        for group in batch["scopeSpans"]:
            for span in group["spans"]:
                for name in ("traceId", "spanId", "parentSpanId"):
                    if name in span:
                        span[name] = json_format.base64.b64encode(bytes.fromhex(span[name])).decode()
    json_format.ParseDict(plain, request)
    return request.SerializeToString()


def everything(served):
    """All that the store shows of the recorded push."""
    found = served.search("{ }", limit=100, spss=100)
    bodies = {
        trace["traceID"]: served.client.get(f"/api/traces/{trace['traceID']}").json() for trace in found
    }
    return found, bodies, served.client.get("/metrics").text


@pytest.fixture
def by_json(filled):
    return everything(filled)


@pytest.mark.parametrize("form", ["protobuf", "json gzip", "protobuf gzip", "json deflate"])
def test_takes_every_form_of_a_push_as_the_same(served, recorded, by_json, form):
    payload = recorded("push")
    body = protobuf_of(payload) if "protobuf" in form else json.dumps(payload).encode()
    headers = dict(PROTOBUF if "protobuf" in form else JSON)
    if "gzip" in form:
        body, headers["content-encoding"] = gzip.compress(body), "gzip"
    if "deflate" in form:
        body, headers["content-encoding"] = zlib.compress(body), "deflate"
    assert served.client.post("/v1/traces", content=body, headers=headers).status_code == 200
    assert everything(served) == by_json


def test_answers_in_the_form_of_the_request(served, recorded):
    assert served.push(recorded("push")).json() == {"partialSuccess": {}}
    answer = served.client.post("/v1/traces", content=protobuf_of(recorded("push")), headers=PROTOBUF)
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert ExportTraceServiceResponse.FromString(answer.content) == ExportTraceServiceResponse()


def test_counts_the_bytes_that_protobuf_takes(served, spans):
    link = {
        "traceId": "0" * 31 + "9",
        "spanId": "0" * 15 + "8",
        "attributes": [{"key": "k", "value": {"intValue": 5}}],
    }
    event = {"name": "ü", "timeUnixNano": "7", "droppedAttributesCount": 300}
    attributes = {"text": "é" * 200, "big": 2**40, "less": -1, "no": False, "half": 0.5, "list": ["a", "bc"]}
    payload = spans(
        {
            "attributes": attributes,
            "events": [event],
            "links": [link],
            "traceState": "a=b",
            "status": {"code": 2, "message": "no"},
            "parentSpanId": "00000000000000aa",
            "droppedEventsCount": 2,
        }
    )
    served.push(payload)
    request = ExportTraceServiceRequest.FromString(
        protobuf_of({"resourceSpans": [{**payload["resourceSpans"][0], "scopeSpans": []}]})
    )
    answer = served.client.get(f"/api/traces/{1:032x}", headers={"accept": "application/protobuf"})
    stored = TracesData.FromString(answer.content).resource_spans[0]
    assert stored.resource == request.resource_spans[0].resource
    span = stored.scope_spans[0].spans[0]
    (line,) = [
        line
        for line in served.client.get("/metrics").text.splitlines()
        if line.startswith("traces_spanmetrics_size_total{")
    ]
    assert float(line.split()[-1]) == span.ByteSize()


def test_prints_all_that_a_span_has(served, spans):
    event = {
        "name": "retried",
        "timeUnixNano": "1795332000002000000",
        "attributes": [{"key": "n", "value": {"intValue": 2}}],
    }
    link = {"traceId": "0" * 31 + "9", "spanId": "0" * 15 + "8"}
    served.push(
        spans(
            {
                "events": [event],
                "links": [link],
                "status": {"code": "STATUS_CODE_ERROR", "message": "no"},
                "kind": "SPAN_KIND_CLIENT",
            }
        )
    )
    (batch,) = served.client.get("/api/traces/1").json()["batches"]
    (span,) = batch["scopeSpans"][0]["spans"]
    assert span["events"] == [
        {
            "name": "retried",
            "timeUnixNano": "1795332000002000000",
            "attributes": [{"key": "n", "value": {"intValue": "2"}}],
        }
    ]
    assert span["links"] == [{"traceId": "AAAAAAAAAAAAAAAAAAAACQ==", "spanId": "AAAAAAAAAAg="}]
    assert span["status"] == {"message": "no", "code": "STATUS_CODE_ERROR"}
    assert span["kind"] == "SPAN_KIND_CLIENT"


@pytest.mark.parametrize(
    "change",
    [
        {"traceId": "nothex"},
        {"traceId": "00"},
        {"traceId": "0" * 32},
        {"traceId": 5},
        {"spanId": ""},
        {"spanId": "0" * 16},
        {"parentSpanId": "xyz"},
        {"name": 5},
        {"kind": "CLIENTELE"},
        {"kind": -1},
        {"kind": 1.5},
        {"startTimeUnixNano": "soon"},
        {"startTimeUnixNano": -1},
        {"startTimeUnixNano": str(2**64)},
        {"startTimeUnixNano": "9" * 5000},
        {"status": 5},
        {"status": {"code": []}},
        {"events": {}},
        {"events": [5]},
        {"links": [{"traceId": "zz"}]},
    ],
)
def test_refuses_what_is_no_otlp_and_stores_nothing(served, spans, change):
    answer = served.push(spans({"name": "good"}, change))
    assert answer.status_code == 400
    assert answer.json()["code"] == 3
    assert answer.json()["message"]
    assert served.search("{ }") == []


@pytest.mark.parametrize(
    "value",
    [
        5,
        [],
        {"stringValue": 5},
        {"intValue": "x"},
        {"intValue": 2**64},
        {"boolValue": "true"},
        {"doubleValue": []},
        {"arrayValue": 5},
        {"bytesValue": "%"},
        {"kvlistValue": {"values": 7}},
    ],
)
def test_refuses_values_that_are_none(served, spans, value):
    push = spans({})
    push["resourceSpans"][0]["resource"]["attributes"].append({"key": "a", "value": value})
    assert served.push(push).status_code == 400


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"5", b"{", b"\xff\xfe", b'{"resourceSpans": 5}', b'{"resourceSpans": [5]}']
)
def test_refuses_bodies_that_are_no_request(served, content):
    answer = served.client.post("/v1/traces", content=content, headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_refuses_protobuf_that_is_none_in_protobuf(served):
    answer = served.client.post("/v1/traces", content=b"\x0a\xff\xff", headers=PROTOBUF)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert b"no protobuf" in answer.content


def test_takes_a_request_without_spans(served):
    for payload in ({}, {"resourceSpans": []}, {"resourceSpans": [{"resource": {}}]}):
        assert served.push(payload).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "text/plain"}, 415),
        ({"content-type": ""}, 415),
        ({**JSON, "content-encoding": "gzip"}, 400),
        ({**JSON, "content-encoding": "br"}, 400),
    ],
)
def test_refuses_forms_that_it_does_not_read(served, headers, status):
    assert served.client.post("/v1/traces", content=b"{}", headers=headers).status_code == status


def test_refuses_a_get(served):
    assert served.client.get("/v1/traces").status_code == 405


def test_refuses_bodies_that_are_too_large_before_and_after_decompression(open_backend, spans):
    with open_backend(max_body=100_000) as served:
        large = json.dumps(spans({"name": "n" * 200_000})).encode()
        assert served.client.post("/v1/traces", content=large, headers=JSON).status_code == 413
        bomb = gzip.compress(b" " * 5_000_000)
        answer = served.client.post("/v1/traces", content=bomb, headers={**JSON, "content-encoding": "gzip"})
        assert answer.status_code == 413
        assert "100000 bytes" in answer.json()["message"]
        assert served.push(spans({})).status_code == 200


def test_refuses_attributes_that_are_nested_too_deep(served, spans):
    push = spans({})
    value = {"stringValue": "x"}
    for _ in range(50):
        value = {"arrayValue": {"values": [value]}}
    push["resourceSpans"][0]["resource"]["attributes"].append({"key": "deep", "value": value})
    answer = served.push(push)
    assert answer.status_code == 400
    assert "nested deeper" in answer.json()["message"]


def test_cuts_long_texts(served, spans):
    served.push(spans({"name": "ä" * 5_000, "attributes": {"long": "x" * 5_000}}))
    (batch,) = served.client.get("/api/traces/1").json()["batches"]
    (span,) = batch["scopeSpans"][0]["spans"]
    assert span["name"] == "ä" * 1_024
    assert span["attributes"][0]["value"]["stringValue"] == "x" * 2_048


def test_stores_a_span_that_is_sent_again_once(served, spans):
    served.push(spans({}, {}))
    served.push(spans({"name": "another name"}, {}, {}))
    assert served.matched("{ }") == 3
    assert served.matched('{ name = "another name" }') == 0


def test_keeps_the_client_and_the_server_that_share_an_id(served, spans):
    served.push(spans({"kind": 3}, {"kind": 2, "spanId": f"{1:016x}"}))
    assert served.matched("{ }") == 2


def test_rejects_spans_of_a_trace_that_is_full(open_backend, keeping, spans):
    with open_backend(retention=keeping(max_trace_spans=3)) as served:
        answer = served.push(spans({}, {}, {}, {}, {}))
        assert answer.status_code == 200
        assert answer.json()["partialSuccess"]["rejectedSpans"] == "2"
        assert served.matched("{ }") == 3
        body = protobuf_of(spans({"spanId": f"{9:016x}"}))
        answer = served.client.post("/v1/traces", content=body, headers=PROTOBUF)
        assert ExportTraceServiceResponse.FromString(answer.content).partial_success.rejected_spans == 1
