"""Whatever is sent, the answer is one of HTTP's below 500, and the store goes on."""

import copy
import json
import os
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

EXAMPLES = int(os.environ.get("OBSKIT_FUZZ_EXAMPLES", "60"))
FEW = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
MANY = settings(FEW, max_examples=max(EXAMPLES, 250))

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(alphabet=st.characters(), max_size=20)
    | st.sampled_from(["", "0" * 32, "f" * 32, "\ud800", "\x00", "-1", "1e400", "SPAN_KIND_SERVER"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def damaged(draw, payload):
    """*payload* with one to three of its values changed, removed or sent twice."""
    changed = copy.deepcopy(payload)
    for _ in range(draw(st.integers(1, 3))):
        holder, key = draw(st.sampled_from(list(places(changed)) or [([None], 0)]))
        match draw(st.sampled_from(["change", "remove", "twice"])):
            case "change":
                holder[key] = draw(ANYTHING)
            case "remove":
                del holder[key]
            case _ if isinstance(holder, list):
                holder.append(holder[key])
    return changed


def places(value):
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places(value[key])


@pytest.fixture(scope="module")
def small(recorded):
    """The first trace of the recorded push."""
    payload = copy.deepcopy(recorded("push"))
    del payload["resourceSpans"][6:]
    return payload


@pytest.fixture
def goes_on(served, spans):
    """Tells that the store still takes and finds a span."""
    numbers = iter(range(10_000, 10_000_000))

    def check():
        number = next(numbers)
        assert served.push(spans({"traceId": f"{number:032x}"})).status_code == 200
        assert served.client.get(f"/api/traces/{number:x}").status_code == 200
        assert served.client.get("/metrics").status_code == 200

    return check


def test_pushes_of_damaged_json(served, small, goes_on):
    @FEW
    @given(damaged(small))
    def check(payload):
        body = json.dumps(payload)  # with NaN and lone surrogates as a careless sender writes them
        answer = served.client.post("/v1/traces", content=body, headers={"content-type": "application/json"})
        assert answer.status_code in {200, 400}, answer.text
        assert served.client.get("/api/search", params={"q": "{ } | select(.x)"}).status_code == 200
        goes_on()

    check()


def test_pushes_of_damaged_protobuf(served, goes_on):
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name = b"t" * 16, b"s" * 8, "name"
    span.start_time_unix_nano, span.end_time_unix_nano = 1_795_332_000 * 10**9, 1_795_332_001 * 10**9
    attribute = span.attributes.add()
    attribute.key, attribute.value.string_value = "key", "value"
    span.events.add().name = "event"
    span.links.add().trace_id = b"l" * 16
    whole = request.SerializeToString()

    @MANY
    @given(
        st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), max_size=4),
        st.binary(max_size=8),
    )
    def check(changes, more):
        body = bytearray(whole)
        for at, byte in changes:
            body[at] = byte
        answer = served.client.post(
            "/v1/traces", content=bytes(body + more), headers={"content-type": "application/x-protobuf"}
        )
        assert answer.status_code in {200, 400}

    check()
    goes_on()


def test_pushes_of_any_bytes_in_any_encoding(served, goes_on):
    @FEW
    @given(
        st.binary(max_size=200),
        st.sampled_from(["application/json", "application/x-protobuf", "text/plain", ""]),
        st.sampled_from(["gzip", "deflate", "identity", "br", ""]),
    )
    def check(body, kind, encoding):
        headers = {"content-type": kind, "content-encoding": encoding}
        assert served.client.post("/v1/traces", content=body, headers=headers).status_code in {200, 400, 415}

    check()
    goes_on()


FIELDS = st.sampled_from(
    [
        "name",
        "status",
        "kind",
        "duration",
        "traceDuration",
        "rootName",
        "rootServiceName",
        "statusMessage",
        "span:id",
        "trace:id",
        "trace:duration",
        "event:name",
        "event:timeSinceStart",
        "link:traceID",
        "instrumentation:name",
        "nestedSetParent",
        ".mode",
        "span.mode",
        "resource.service.name",
        "span.http.route",
        ".http.status_code",
        "event.exception.type",
        "parent.name",
        "childCount",
        'span."a b"',
    ]
)
VALUES = st.one_of(
    st.sampled_from(["error", "ok", "unset", "server", "client", "true", "false", "nil", "1.5s", "100ms"]),
    st.integers(-5, 10**20).map(str),
    st.floats(0, 1e9).map(str),
    st.text(max_size=6).map(json.dumps),
    st.sampled_from(['"gate.*"', '"("', "`[`", '"(a+)+$"']),
)
OPERANDS = FIELDS | VALUES
OPERATORS = st.sampled_from(["=", "!=", ">", ">=", "<", "<=", "=~", "!~", "+", "-", "*", "/", "%", "^"])
CONDITIONS = st.recursive(
    st.tuples(OPERANDS, OPERATORS, OPERANDS).map(" ".join) | FIELDS,
    lambda inner: st.one_of(
        inner.map("!({})".format),
        inner.map("({})".format),
        st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(" ".join),
    ),
    max_leaves=5,
)
SETS = CONDITIONS.map("{{ {} }}".format) | st.just("{ }")
STAGES = st.sampled_from(
    [
        "count() > 1",
        "avg(duration) > 1ms",
        "max(.mode) > 1",
        "select(.mode, name)",
        "sum(span.x) != 2",
        "rate()",
        "by(name)",
        "coalesce()",
        "min(duration)",
        "count() > count()",
        "{ kind = server }",
    ]
)
QUERIES = st.one_of(
    SETS,
    st.tuples(SETS, st.sampled_from(["&&", "||", ">>", ">", "~", "<<", "<", "!>>", "!~", "&>>"]), SETS).map(
        " ".join
    ),
    st.tuples(SETS, st.just("|"), STAGES).map(" ".join),
    st.tuples(SETS, st.just("|"), STAGES, st.just("|"), STAGES).map(" ".join),
    st.text(max_size=30),
    st.text(alphabet='{}()&|!=<>~.:" \\`abc1', max_size=40),
)


@pytest.mark.parametrize(
    "path",
    ["/api/search", "/api/v2/search/tags", "/api/v2/search/tag/.mode/values"],
    ids=lambda path: path[8:],
)
def test_asks_any_query(filled, path):
    @MANY
    @given(QUERIES)
    def check(query):
        assert filled.client.get(path, params={"q": query, "limit": 3}).status_code in {200, 400}

    check()


def test_finds_the_same_when_the_tables_do_not_select(filled, monkeypatch):
    """What SQL leaves out would not have matched."""

    @settings(FEW, max_examples=max(EXAMPLES // 4, 150))
    @given(QUERIES)
    def check(query):
        selected = filled.client.get("/api/search", params={"q": query, "limit": 100})
        with monkeypatch.context() as patched:
            patched.setattr("obskit.embedded.traces._search.candidates", lambda _: None)
            plain = filled.client.get("/api/search", params={"q": query, "limit": 100})
        if plain.status_code == 200:
            assert selected.json() == plain.json()

    check()


@pytest.mark.parametrize(
    "path",
    [
        "/api/search",
        "/api/search/tags",
        "/api/v2/search/tags",
        "/api/search/tag/mode/values",
        "/api/v2/search/tag/name/values",
        "/api/traces/1",
        "/api/v2/traces/1",
    ],
)
def test_asks_with_any_parameters(filled, path):
    names = st.sampled_from(
        [
            "q",
            "query",
            "tags",
            "limit",
            "start",
            "end",
            "spss",
            "minDuration",
            "maxDuration",
            "scope",
            "since",
            "x",
        ]
    )
    values = (
        st.text(max_size=12) | st.integers(-(2**65), 2**65).map(str) | st.sampled_from(["1h", "a=b", "span"])
    )

    @FEW
    @given(st.dictionaries(names, values, max_size=4))
    def check(params):
        assert filled.client.get(path, params=params).status_code in {200, 400, 404}

    check()


def test_asks_for_any_name(filled):
    @FEW
    @given(st.text(min_size=1, max_size=20))
    def check(name):
        for path in ("/api/traces/", "/api/v2/traces/", "/api/v2/search/tag/", "/api/search/tag/", "/api/"):
            end = "/values" if "tag" in path else ""
            assert filled.client.get(f"{path}{quote(name, safe='')}{end}").status_code < 500

    check()
