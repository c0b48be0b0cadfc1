"""Queries that are meant to hurt are refused, or answered: one that explodes outlasts the client's patience."""

import threading

import pytest

from obskit.embedded.traces.traceql import QueryError, parse


def ask(served, query, path="/api/search", **params):
    return served.client.get(path, params={"q": query, **params})


@pytest.mark.parametrize(
    "query",
    [
        "{ " + "(" * 5_000 + "name = `a`" + ")" * 5_000 + " }",
        "{ " + "!" * 5_000 + "true }",
        "(" * 5_000 + "{ }" + ")" * 5_000,
        "{ .a = " + "-" * 5_000 + "1 }",
        "{ .a = " + "(" * 100 + "1" + ")" * 100 + " }",
        "{ " + "{" * 20_000,
    ],
    ids=["parentheses", "negations", "sets", "signs", "arithmetic", "braces"],
)
def test_answers_or_refuses_deep_nesting_at_once(filled, query):
    assert ask(filled, query).status_code in {200, 400}


def test_refuses_conditions_that_are_nested_deep(filled):
    query = "{ " + "!(name = `a` || " * 100 + "true" + ")" * 100 + " }"
    answer = ask(filled, query)
    assert answer.status_code == 400
    assert "nest" in answer.text


def test_refuses_what_is_too_long():
    with pytest.raises(QueryError, match="larger than 131072 bytes"):
        parse("{ name = `" + "a" * 140_000 + "` }")


@pytest.mark.parametrize("joined", [" && ", " || "])
def test_answers_long_chains(filled, joined):
    """As many conditions as fit in an address."""
    chain = joined.join(f"span.a{number} = {number}" for number in range(2_000))
    assert ask(filled, f"{{ {chain} }}").status_code in {200, 400}


def test_answers_long_chains_of_sets(filled):
    for operator in (" && ", " || ", " >> ", " ~ ", " | "):
        assert ask(filled, operator.join(["{ name != `x` }"] * 60)).status_code in {200, 400}


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(a|aa)+$", "(.*)*(.*)*(.*)*b", "a{0,500}a{0,500}", "(?:a?){50}a{50}"],
)
def test_matches_patterns_in_linear_time(served, spans, pattern):
    served.push(spans({"name": "a" * 30_000 + "!"}))
    assert ask(served, f"{{ name =~ `{pattern}` }}").status_code in {200, 400}


@pytest.mark.parametrize(
    "pattern", ["(", "a{1000}{1000}", "[z-a]", "(?=a)", r"\1", "a" * 5_000, "(" * 3_000 + ")" * 3_000]
)
def test_refuses_patterns_that_are_none_or_too_much(filled, pattern):
    answer = ask(filled, f"{{ name =~ `{pattern}` }}")
    assert answer.status_code == 400
    assert "regex" in answer.text


def test_stops_a_query_that_takes_too_long_and_answers_others(open_backend, spans):
    with open_backend(timeout_s=0.0) as hasty:
        hasty.push(spans({}))
        answer = ask(hasty, "{ kind != server }")
        assert answer.status_code == 400
        assert "took too long" in answer.text
        assert hasty.client.get("/ready").status_code == 200


def test_answers_others_while_it_reads_a_long_query(served, monkeypatch):
    """A query is read away from the event loop, as it is run."""
    reading, may_go_on = threading.Event(), threading.Event()

    def slow(text):
        reading.set()
        assert may_go_on.wait(20)
        return parse(text)

    monkeypatch.setattr("obskit.embedded.traces._api.parse", slow)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(ask(served, "{ }")))
    asking.start()
    try:
        assert reading.wait(20)
        assert served.client.get("/ready").status_code == 200
    finally:
        may_go_on.set()
        asking.join()
    assert answers[0].status_code == 200


def test_keeps_taking_spans_while_queries_run(served, spans):
    one = spans(*[{"spanId": f"{number:016x}"} for number in range(1, 500)])
    assert served.push(one).status_code == 200
    ended = threading.Event()
    failed = []

    def ask_on():
        while not ended.is_set():
            answer = ask(served, "{ !(name = `x`) } >> { name != `x` }")
            if answer.status_code not in {200, 400}:
                failed.append(answer.text)

    threads = [threading.Thread(target=ask_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for number in range(2, 40):
            payload = spans({"traceId": f"{number:032x}"})
            assert served.push(payload).status_code == 200
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert not failed
    assert len(ask(served, "{ }", limit=100).json()["traces"]) == 39
