import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

WINDOW = {"start": 1795332472, "end": 1795332932}
ERRORS = ("TimeoutError", "ValueError", "ConnectionError")
BEFORE = {"start": 1795000000, "end": 1795000100}


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"limit": "0"}, "invalid limit: must be a positive number"),
        ({"limit": "x"}, "invalid limit"),
        ({"limit": "99999999999999"}, "value out of range"),
        ({"limit": "100000"}, "exceeds max limit"),
        ({"spss": "101"}, "spans per span set exceeds 100"),
        ({"start": "x", "end": "5"}, "invalid start"),
        ({"start": "5", "end": "5"}, "http parameter start must be before end. received start=5 end=5"),
        ({"start": "5"}, "http parameter start must be before end"),
        ({"start": "1", "end": "4000000000"}, "exceeds 168h0m0s"),
        ({"minDuration": "fast"}, "invalid minDuration"),
        ({"maxDuration": "5"}, "invalid maxDuration"),
        ({"minDuration": "2s", "maxDuration": "1s"}, "must be greater than minDuration"),
        ({"tags": "a=b", "q": "{ }"}, "can't specify tags and q in the same query"),
        ({"tags": 'a="b'}, "invalid tags"),
        ({"tags": "=b"}, "invalid tags"),
        ({"tags": "a=b a=c"}, "has been set twice"),
        ({"q": "{ }", "query": "{ nosuch"}, "nosuch"),
    ],
)
def test_refuses_parameters_by_name(filled, params, named):
    answer = filled.client.get("/api/search", params=params)
    assert answer.status_code == 400
    assert named in answer.text


@pytest.mark.parametrize(
    ("params", "traces"),
    [
        ({}, 20),
        ({"limit": 7}, 7),
        ({"limit": 100}, 40),
        ({"minDuration": "500ms", "limit": 100}, 8),
        ({"minDuration": "609ms", "limit": 100}, 8),
        ({"minDuration": "610ms", "limit": 100}, 4),
        ({"maxDuration": "188ms", "limit": 100}, 32),
        ({"maxDuration": "187ms", "limit": 100}, 16),
        ({"minDuration": "100ms", "maxDuration": "200ms", "limit": 100}, 16),
        ({"minDuration": "500us", "limit": 100}, 40),
        ({"tags": "service.name=order", "limit": 100}, 40),
        ({"tags": "service.name=nobody", "limit": 100}, 0),
        ({"tags": 'name="publish orders.created"', "limit": 100}, 20),
        ({"tags": "name=publish", "limit": 100}, 20),
        ({"tags": "mode=async", "limit": 100}, 20),
        ({"tags": "mode=asyn", "limit": 100}, 0),
        ({"tags": "status.code=error", "limit": 100}, 6),
        ({"tags": "http.route=/api service.name=gateway", "limit": 100}, 40),
        ({"tags": "mode=async service.version=1.4", "limit": 100}, 20),
        ({"tags": "mode=async messaging.system=nats", "limit": 100}, 0),
        ({"tags": "root.name=POST", "limit": 100}, 40),
        ({"tags": "mode", "limit": 100}, 0),
        ({"service.name": "orders", "limit": 5}, 5),
        ({**WINDOW, "limit": 100}, 40),
        ({**BEFORE, "limit": 100}, 0),
        ({**BEFORE, "q": "{ }", "limit": 100}, 0),
        ({"start": 1795332850, "end": 1795332860, "q": "{ }"}, 1),
    ],
)
def test_finds_so_many_traces(filled, params, traces):
    answer = filled.client.get("/api/search", params=params)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["traces"]) == traces


def test_says_when_the_root_has_not_arrived(served, spans):
    served.push(spans({"parentSpanId": "00000000000000aa"}))
    (trace,) = served.client.get("/api/search").json()["traces"]
    assert trace["rootServiceName"] == "<root span not yet received>"
    assert "rootTraceName" not in trace
    served.push(spans({"spanId": "00000000000000aa", "name": "first"}))
    (trace,) = served.client.get("/api/search").json()["traces"]
    assert (trace["rootServiceName"], trace["rootTraceName"]) == ("shop", "first")


@pytest.mark.parametrize(
    "trace_id",
    [
        "0d37449c9a5aed60c67f4b5e159bb933",
        "d37449c9a5aed60c67f4b5e159bb933",
        "D37449C9A5AED60C67F4B5E159BB933",
    ],
)
def test_finds_a_trace_with_and_without_leading_zeros(filled, trace_id):
    batches = filled.client.get(f"/api/traces/{trace_id}").json()["batches"]
    assert sum(len(group["spans"]) for batch in batches for group in batch["scopeSpans"]) == 7


@pytest.mark.parametrize(
    ("trace_id", "named"),
    [
        ("xyz", "invalid character 'x' at position 1"),
        ("0" * 33, "can't be larger than 128 bits"),
        ("ä", "hex characters"),
    ],
)
@pytest.mark.parametrize("version", ["", "v2/"])
def test_refuses_what_is_no_trace_id(filled, version, trace_id, named):
    answer = filled.client.get(f"/api/{version}traces/{trace_id}")
    assert answer.status_code == 400
    assert named in answer.text


def test_answers_a_trace_as_protobuf_to_who_asks_for_it(filled):
    accept = {"accept": "application/protobuf"}
    path = "traces/64b6ba0865ef5aa370e2e30bdb0e7ab8"
    first = filled.client.get(f"/api/{path}", headers=accept)
    assert first.headers["content-type"] == "application/protobuf"
    trace = TracesData.FromString(first.content)
    assert {
        span.name for batch in trace.resource_spans for group in batch.scope_spans for span in group.spans
    } >= {"POST /api/orders"}
    second = filled.client.get(f"/api/v2/{path}", headers=accept)
    # A TraceByIDResponse has the same trace as its first field.
    assert second.content.endswith(first.content)
    assert second.content[0] == 0x0A


@pytest.mark.parametrize(
    ("scope", "tags"),
    [
        ("resource", {"deployment.environment.name", "service.name", "service.version"}),
        ("event", {"exception.message", "exception.type"}),
        ("link", set()),
        ("instrumentation", set()),
    ],
)
def test_lists_the_tags_of_one_scope(filled, scope, tags):
    found = filled.client.get("/api/v2/search/tags", params={"scope": scope}).json()["scopes"]
    assert {tag for entry in found for tag in entry["tags"]} == tags
    assert [entry["name"] for entry in found] == ([scope] if tags else [])
    assert set(filled.client.get("/api/search/tags", params={"scope": scope}).json()["tagNames"]) == tags


def test_lists_what_every_span_has_as_intrinsic(filled):
    (entry,) = filled.client.get("/api/v2/search/tags", params={"scope": "intrinsic"}).json()["scopes"]
    assert entry["name"] == "intrinsic"
    assert {"kind", "span:status", "traceDuration"} <= set(entry["tags"])


def test_refuses_a_scope_that_is_none(filled):
    answer = filled.client.get("/api/v2/search/tags", params={"scope": "galaxy"})
    assert (answer.status_code, answer.text) == (400, "invalid scope: galaxy")


def test_lists_no_tags_of_a_time_without_traces(filled):
    (entry,) = filled.client.get("/api/v2/search/tags", params=BEFORE).json()["scopes"]
    assert entry["name"] == "intrinsic"
    assert filled.client.get("/api/search/tag/service.name/values", params=BEFORE).json()["tagValues"] == []


def test_lists_the_tags_of_matching_spans(filled):
    params = {"scope": "span", "q": '{ resource.service.name = "inventory" && kind = consumer }'}
    (entry,) = filled.client.get("/api/v2/search/tags", params=params).json()["scopes"]
    tags = set(entry["tags"])
    assert {"messaging.system", "messaging.destination.name"} <= tags
    assert "mode" not in tags
    # Tempo lists its columns that have values whatever matches.
    assert "http.route" in tags


@pytest.mark.parametrize("query", ["{ nosuch", "{ span.mode = }", "{ }", '{ .mode = "async" }'])
def test_filters_nothing_by_a_query_that_is_not_finished_or_names_no_scope(filled, query):
    plain = filled.client.get("/api/v2/search/tags").json()["scopes"]
    assert filled.client.get("/api/v2/search/tags", params={"q": query}).json()["scopes"] == plain


def values(served, tag, **params):
    answer = served.client.get(f"/api/v2/search/tag/{tag}/values", params=params)
    assert answer.status_code == 200, answer.text
    return {(entry["type"], entry["value"]) for entry in answer.json()["tagValues"]}


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("span.http.response.status_code", {("int", code) for code in ("200", "201", "202", "500", "503")}),
        (".mode", {("string", "sync"), ("string", "async")}),
        ("span.cache.hit", {("bool", "true"), ("bool", "false")}),
        ("span.mode", {("string", "sync"), ("string", "async")}),
        ("resource.mode", set()),
        (
            "kind",
            {
                ("keyword", kind)
                for kind in ("client", "server", "producer", "consumer", "internal", "unspecified")
            },
        ),
        ("rootServiceName", {("string", "gateway")}),
        ("trace:rootName", {("string", "POST /api/orders")}),
        ("event.exception.type", {("string", kind) for kind in ERRORS}),
        ("event:name", {("string", "exception")}),
        ("instrumentation:name", {("string", "obskit")}),
        ("duration", set()),
        ("span:id", set()),
        ("resource.nothing", set()),
    ],
)
def test_lists_the_values_of_a_tag(filled, tag, found):
    assert values(filled, tag) == found


def test_lists_floats_in_full(filled):
    found = values(filled, "span.order.total")
    assert ("float", "21.5") in found
    assert len(found) == 40


def test_lists_the_values_of_matching_spans(filled):
    assert values(filled, "resource.service.name", q="{ status = error }") == {
        ("string", "gateway"),
        ("string", "inventory"),
    }
    assert values(filled, "name", q="{ kind = producer }") == {("string", "publish orders.created")}
    assert values(filled, "span.http.route", q='{ resource.service.name = "orders" }') == {
        ("string", "/orders")
    }
    assert values(filled, "event.exception.type", q="{ status = error }") == {
        ("string", kind) for kind in ERRORS
    }


def test_lists_only_the_value_that_the_query_already_names(filled):
    assert values(filled, "span.mode", q='{ span.mode = "any" }') == {("string", "any")}


def test_lists_no_more_values_than_the_limit(filled):
    assert len(values(filled, "span.order.total", limit="3")) == 3


@pytest.mark.parametrize("tag", ["nosuch", "span.", "5", "a b"])
def test_refuses_values_of_what_is_no_tag(filled, tag):
    answer = filled.client.get(f"/api/v2/search/tag/{tag}/values")
    assert answer.status_code == 400
    assert "tag name is not valid" in answer.text


def test_lists_values_of_unscoped_names_in_the_first_version(filled):
    found = filled.client.get("/api/search/tag/http.response.status_code/values").json()["tagValues"]
    assert set(found) == {"200", "201", "202", "500", "503"}


def test_names_what_only_tempo_answers(filled):
    answer = filled.client.get("/api/metrics/query_range", params={"q": "{ } | rate()"})
    assert answer.status_code == 400
    assert "Tempo can answer it" in answer.text


def test_is_ready(filled):
    assert filled.client.get("/ready").text == "ready\n"
