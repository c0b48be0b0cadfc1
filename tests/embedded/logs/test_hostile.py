"""What is meant to hurt is bounded, and others go on meanwhile."""

import threading
import time

import httpx
import pytest

START = 1795305600000000000
SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def filled(shared_store):
    for batch in range(10):
        lines = [
            [str(START + batch * 1_000 + place), f"{'x' * 30}{place} {'a' * 40}!"] for place in range(1_000)
        ]
        assert shared_store.push(lines, {"app": "a"}).status_code == 204
    return shared_store


@pytest.mark.parametrize(
    "query",
    [
        r'{app="a"} |~ "(x+x+)+y"',
        r'{app="a"} |~ "^(a|aa)+$"',
        r'{app="a"} |~ "(.*)*(.*)*(.*)*[^!]$"',
        r'{app="a"} | regexp "(?P<n>(a+)+b)"',
        r'{app=~"(a+)+b"}',
        r'{app="a"} | app=~"(a*)*b[c]"',
        r'{app="a"} | line_format `{{ regexReplaceAll "(a+)+b" __line__ "x" }}`',
        r'label_replace(count_over_time({app="a"}[1h]), "x", "$1", "app", "((a+)+)b")',
    ],
)
def test_expressions_that_explode_elsewhere_are_answered(filled, query):
    began = time.monotonic()
    assert filled.ask(query, limit=10).status_code == 200
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("query", "params", "problem"),
    [
        ('count_over_time({app="a"}[1s])', {"step": "0.001"}, "exceeded maximum resolution of 11,000 points"),
        ('{app="a"}', {"start": 1, "end": START}, "the query time range exceeds the limit"),
        ('{app=~".*"}', {}, "queries require at least one"),
        ("sum(" * 150 + '{app="a"}' + ")" * 150, {}, ""),
        ('{app="a"} |~ "' + "(" * 2_000 + "a" + ")" * 2_000 + '"', {}, ""),
        ('{app="a"} |~ "a{1000}{1000}"', {}, "invalid nested repetition operator"),
        ('{app="a"} |~ "((a{500}){500}){500}"', {}, "error parsing regexp"),
        ('{app="a"} | line_format `{{ repeat 1000000000 "x" }}`', {}, None),
        ('{app="a"} | line_format "' + "{{if .a}}" * 500 + '"', {}, ""),
        ("x" * 140_000, {}, None),
    ],
)
def test_too_much_is_refused_with_a_reason(filled, query, params, problem):
    answer = filled.client.post(
        "/loki/api/v1/query_range",
        data={"query": query, "start": START, "end": START + 3600 * SECOND, **params},
    )
    assert answer.status_code == (400 if problem is not None or "x" * 9 in query else 200), answer.text[:300]
    assert (problem or "") in answer.text


def test_a_query_that_takes_too_long_ends_while_others_are_answered(serve):
    store = serve(timeout_s=1.0)
    lines = [
        [str(START + place), '{"a":{"b":{"c":' + str(place) + "}}," + '"p":"' + "x" * 300 + '"}']
        for place in range(20_000)
    ]
    for begin in range(0, len(lines), 5_000):
        assert store.push(lines[begin : begin + 5_000]).status_code == 204
    stages = '| label_format x="{{.a_b_c}}" ' * 100  # so much work that no machine has done it in time
    slow = f'sum by (x) (count_over_time({{app="a"}} | json {stages} | x=~".*[z].*" [1h]))'
    statuses: list[int] = []

    def ask_slowly() -> None:
        with httpx.Client(base_url=store.client.base_url, verify=False, timeout=60) as client:
            params = {"query": slow, "start": START, "end": START + 3600 * SECOND, "step": 1}
            statuses.append(client.get("/loki/api/v1/query_range", params=params).status_code)

    threads = [threading.Thread(target=ask_slowly) for _ in range(3)]
    for thread in threads:
        thread.start()
    answered = 0
    while any(thread.is_alive() for thread in threads):
        assert store.ask('{app="a"}', limit=1).status_code == 200
        assert store.push([[str(START - answered - 1), "quick"]]).status_code == 204
        answered += 1
    assert statuses == [504] * 3
    assert answered > 3


def test_too_many_queries_at_once_are_refused(serve, monkeypatch):
    monkeypatch.setattr("obskit.embedded.logs._queries._WAITING", 0)
    answer = serve().ask('{app="a"}')
    assert (answer.status_code, answer.text) == (429, "too many outstanding requests")


def test_an_answer_that_is_too_large_is_refused(serve, monkeypatch):
    monkeypatch.setattr("obskit.embedded.logs.logql._select.MAX_ANSWER_BYTES", 10_000)
    store = serve()
    store.push(["x" * 1_000 + str(place) for place in range(50)])
    assert store.ask('{app="a"}', limit=5).status_code == 200
    answer = store.ask('{app="a"}', limit=50)
    assert answer.status_code == 400
    assert "ask for fewer lines with limit" in answer.text


def test_a_query_of_too_many_samples_is_refused(serve, monkeypatch):
    monkeypatch.setattr("obskit.embedded.logs.logql._samples.MAX_SAMPLES", 2_000)
    store = serve()
    store.push([f"x{place}" for place in range(5_000)])
    answer = store.ask('count_over_time({app="a"}[1h])', step=60)
    assert answer.status_code == 400
    assert "ask for less time or fewer streams" in answer.text


def test_too_many_series_are_refused_in_lokis_words(serve):
    store = serve()
    store.push([f'{{"n":{place}}}' for place in range(600)])
    answer = store.ask('count_over_time({app="a"} | json [1h])', step=60)
    assert answer.status_code == 400
    assert "maximum number of series (500) reached for a single query" in answer.text
    assert store.ask('sum(count_over_time({app="a"} | json [1h]))', step=60).status_code == 200
