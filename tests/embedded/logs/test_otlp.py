"""OTLP logs become lines, with the same labels as tailed ones."""

import gzip
import json

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

TS = 1795305600000000000


def protobuf():
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    for key, value in (
        ("service.name", "orders"),
        ("deployment.environment.name", "demo"),
        ("host.name", "h1"),
    ):
        resource.resource.attributes.add(key=key).value.string_value = value
    scope = resource.scope_logs.add()
    scope.scope.name = "lib"
    record = scope.log_records.add(
        time_unix_nano=TS, severity_number=17, trace_id=bytes(15) + b"\x01", span_id=bytes(7) + b"\x02"
    )
    record.body.string_value = "it failed"
    record.attributes.add(key="retry.count").value.int_value = 3
    return request.SerializeToString()


def in_json():
    return json.dumps(
        {
            "resourceLogs": [
                {
                    "resource": {
                        "attributes": [
                            {"key": "service.name", "value": {"stringValue": "orders"}},
                            {"key": "deployment.environment.name", "value": {"stringValue": "demo"}},
                            {"key": "host.name", "value": {"stringValue": "h1"}},
                        ]
                    },
                    "scopeLogs": [
                        {
                            "scope": {"name": "lib"},
                            "logRecords": [
                                {
                                    "timeUnixNano": str(TS),
                                    "severityNumber": 17,
                                    "body": {"stringValue": "it failed"},
                                    "attributes": [{"key": "retry.count", "value": {"intValue": "3"}}],
                                    "traceId": "00000000000000000000000000000001",
                                    "spanId": "0000000000000002",
                                }
                            ],
                        }
                    ],
                }
            ]
        }
    ).encode()


@pytest.mark.parametrize("make", [protobuf, in_json])
@pytest.mark.parametrize("zipped", [False, True])
def test_both_forms_give_the_same_line(store, make, zipped):
    body = make()
    headers = {"content-type": "application/json" if make is in_json else "application/x-protobuf"}
    if zipped:
        body, headers["content-encoding"] = gzip.compress(body), "gzip"
    assert store.client.post("/v1/logs", content=body, headers=headers).status_code == 200
    labels = {
        "service_name": "orders",
        "environment": "demo",
        "level": "error",
        "host_name": "h1",
        "scope_name": "lib",
        "retry_count": "3",
        "trace_id": "00000000000000000000000000000001",
        "span_id": "0000000000000002",
        "severity_number": "17",
    }
    assert store.lines('{service_name="orders",level="error"}') == [(labels, "it failed")]
    assert store.ask("", "series").json()["data"] == [
        {"environment": "demo", "level": "error", "service_name": "orders"}
    ]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"stringValue": "x"}, "x"),
        ({"intValue": "5"}, "5"),
        ({"boolValue": True}, "true"),
        ({"arrayValue": {"values": [{"stringValue": "a"}, {"intValue": 1}]}}, '["a",1]'),
        ({"kvlistValue": {"values": [{"key": "k", "value": {"doubleValue": 1.5}}]}}, '{"k":1.5}'),
        ({}, ""),
    ],
)
def test_a_body_that_is_no_text_becomes_json(store, body, text):
    request = {
        "resourceLogs": [
            {"scopeLogs": [{"logRecords": [{"timeUnixNano": TS, "body": body, "severityText": "WARN"}]}]}
        ]
    }
    assert store.client.post("/v1/logs", json=request).status_code == 200
    ((labels, line),) = store.lines('{service_name="unknown_service"}')
    assert (labels["level"], line) == ("warning", text)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"resourceLogs":[1]}', "application/json", 400),
        (
            b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"x"}]}]}]}',
            "application/json",
            400,
        ),
        (
            b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"99999999999999999999"}]}]}]}',
            "application/json",
            400,
        ),
        (b"\xff\xff", "application/x-protobuf", 400),
        (b"x", "text/plain", 415),
        (b"{}", "application/json", 200),
        (b"", "application/x-protobuf", 200),
    ],
)
def test_what_is_no_export_is_refused(shared_store, body, kind, status):
    answer = shared_store.client.post("/v1/logs", content=body, headers={"content-type": kind})
    assert answer.status_code == status, answer.text
