"""Whatever comes in, nothing answers 5xx and no accepted line is lost."""

import json
import os
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("OBSKIT_FUZZ_EXAMPLES", "150"))
START = 1795305600000000000
bounded = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

NAMES = st.sampled_from(["app", "level", "x", "took", "json", "__error__", "é", ""])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
LINES = st.one_of(TEXTS, st.just('{"a":1,"b":{"c":"d"}}'), st.just('a=1 b="c d"'), st.just('{"a":'))
JSONISH = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=10,
)
GOOD_PUSHES = st.lists(
    st.tuples(
        st.dictionaries(
            st.sampled_from(["app", "level", "zone"]), TEXTS.filter(bool), min_size=1, max_size=3
        ),
        st.lists(st.tuples(st.integers(START, START + 10**9), LINES), min_size=1, max_size=5),
    ),
    min_size=1,
    max_size=3,
)
MATCHERS = st.tuples(
    NAMES, st.sampled_from(["=", "!=", "=~", "!~"]), st.sampled_from(['"a"', '".+"', '""', '"("', "`x`"])
)
SELECTORS = st.lists(MATCHERS.map("".join), min_size=0, max_size=2).map(
    lambda each: "{" + ", ".join(each) + "}"
)
STAGES = st.sampled_from(
    [
        *(
            '|= "a"',
            '!= ""',
            '|~ "a+"',
            '!~ "(?i)A|b"',
            '|= "a" or "b"',
            "| json",
            '| json x="a.b[0]"',
            "| logfmt",
        ),
        *('| regexp "(?P<x>.)"', '| pattern "<x> <_>"', "| x > 5", "| x=~`a.*` or took >= 5ms, level!=`b`"),
        *("| label_format x=app", '| label_format y="{{.x | upper}}"', '| line_format "{{.a}} {{__line__}}"'),
        *(
            "| decolorize",
            "| drop x, app=`a`",
            "| keep app",
            '| __error__=""',
            "| size > 1KB",
            "| unpack",
            "| nosuch",
        ),
    ]
)
LOGS = st.tuples(SELECTORS, st.lists(STAGES, max_size=4).map(" ".join)).map(" ".join)
RANGES = st.tuples(
    st.sampled_from(
        [
            *(
                "rate",
                "count_over_time",
                "bytes_rate",
                "bytes_over_time",
                "absent_over_time",
                "sum_over_time",
            ),
            *("max_over_time", "avg_over_time", "stddev_over_time", "first_over_time", "rate_counter"),
        ]
    ),
    LOGS,
    st.sampled_from(["", " | unwrap x", " | unwrap duration(took)", ' | unwrap a | __error__=""']),
    st.sampled_from(["[1m]", "[5s] offset 1m", "[0]", "[1y]", ""]),
).map(lambda each: f"{each[0]}({each[1]}{each[2]} {each[3]})")
METRICS = st.recursive(
    st.one_of(RANGES, st.sampled_from(["1", "vector(1)", "-2.5"])),
    lambda inner: st.one_of(
        st.tuples(
            st.sampled_from(
                ["sum", "sum by (x)", "count without (app)", "topk(2,", "sort_desc", "avg", "stdvar"]
            ),
            inner,
        ).map(lambda each: f"{each[0]} {'' if each[0].endswith(',') else '('}{each[1]})"),
        st.tuples(
            inner,
            st.sampled_from(
                [
                    "+",
                    "/ on(x)",
                    "^",
                    "% bool",
                    "> bool",
                    "== ignoring(app) group_left",
                    "and",
                    "or on()",
                    "unless",
                ]
            ),
            inner,
        ).map(" ".join),
        inner.map(lambda each: f'label_replace({each}, "y", "$1", "x", "(.*)")'),
    ),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def filled(shared_store):
    lines = [
        '{"a":1,"b":{"c":"d"},"took":"5ms","x":"7"}',
        "a=1 took=3ms x=y",
        "plain",
        '{"a":',
        '{"x":3,"size":"2KB"}',
    ]
    for app in ("a", "b"):
        assert shared_store.push(lines * 3, {"app": app, "level": "info"}).status_code == 204
    return shared_store


@bounded
@given(query=st.one_of(LOGS, METRICS, TEXTS, LOGS.flatmap(lambda text: st.just(text[: len(text) // 2]))))
def test_no_query_breaks_it(filled, query):
    for endpoint in ("query_range", "query"):
        answer = filled.ask(query, endpoint, step=60, time=START + 60 * 10**9)
        assert answer.status_code in {200, 400}, (query, answer.status_code, answer.text)
        if answer.status_code == 200:
            assert answer.json()["status"] == "success"


@bounded
@given(
    params=st.dictionaries(
        st.sampled_from(["start", "end", "step", "limit", "direction", "since", "interval", "time", "query"]),
        TEXTS,
    )
)
def test_no_parameter_breaks_it(filled, params):
    for endpoint in ("query_range", "query", "labels", "series", "label/app/values"):
        answer = filled.client.get(f"/loki/api/v1/{endpoint}", params=params)
        assert answer.status_code in {200, 400}, (params, answer.text)


@bounded
@given(
    body=st.one_of(
        st.binary(max_size=60),
        JSONISH.map(lambda each: json.dumps(each).encode()),
        JSONISH.map(lambda each: json.dumps({"streams": [each]}).encode()),
    )
)
def test_no_push_breaks_it(shared_store, body):
    for kind in ("application/json", "application/x-protobuf"):
        answer = shared_store.client.post("/loki/api/v1/push", content=body, headers={"content-type": kind})
        assert answer.status_code in {204, 400, 413, 422}, (body, answer.text)
        answer = shared_store.client.post("/v1/logs", content=body, headers={"content-type": kind})
        assert answer.status_code in {200, 400}, (body, answer.text)


@bounded
@given(push=GOOD_PUSHES)
def test_no_accepted_line_is_lost(shared_store, push):
    mark = uuid.uuid4()  # not of Hypothesis: it would come again
    streams = [
        {"stream": {**labels, "mark": str(mark)}, "values": [[str(ts), line] for ts, line in values]}
        for labels, values in push
    ]
    answer = shared_store.client.post("/loki/api/v1/push", json={"streams": streams})
    assert answer.status_code == 204, answer.text
    sent = {
        (json.dumps(each["stream"], sort_keys=True), *value) for each in streams for value in each["values"]
    }
    found = shared_store.ask(f'{{mark="{mark}"}}', end=START + 2 * 10**9).json()["data"]["result"]
    stored = [
        (json.dumps(each["stream"], sort_keys=True), *value) for each in found for value in each["values"]
    ]
    assert len(stored) == len(set(stored))
    assert set(stored) == sent
