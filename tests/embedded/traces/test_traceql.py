"""What TraceQL means, where the recorded cases do not ask; the recorded push is what is searched.

Of its 40 traces every other one goes over a message. A query's number of matched spans, in all
traces, is what most of these compare.
"""

import pytest


@pytest.mark.parametrize(
    ("query", "spans"),
    [
        ("{ }", 260),
        ("{ true }", 260),
        ("{ false }", 0),
        ("{ 1 = 1 }", 260),
        ("{ kind = server }", 100),
        ("{ span:kind = server }", 100),
        ("{ kind != server }", 160),
        ("{ kind = server || kind = consumer }", 120),
        ("{ kind = server && kind = consumer }", 0),
        ("{ kind != server && kind != consumer }", 140),
        ('{ name =~ "POST.*" }', 160),
        ('{ name =~ "POST" }', 60),
        ('{ name !~ "POST.*" }', 100),
        ('{ name =~ "INSERT.*" || name =~ "UPDATE.*" }', 60),
        ('{ name > "Q" }', 60),
        ("{ status = error }", 9),
        ("{ status != unset }", 9),
        ("{ status = ok }", 0),
        ("{ duration >= 600ms }", 24),
        ("{ 600ms <= duration }", 24),
        ('{ rootServiceName = "gateway" && kind = producer }', 20),
        ('{ trace:rootName = "POST /api/orders" }', 260),
        ('{ rootName != "POST /api/orders" }', 0),
        ("{ traceDuration >= 938ms }", 28),
        ('{ resource.service.name = "orders" }', 120),
        ('{ resource.service.name != "orders" }', 140),
        ('{ .service.name = "orders" }', 120),
        ('{ span.service.name = "orders" }', 0),
        ("{ span.cache.hit }", 26),
        ("{ span.cache.hit = false }", 14),
        ("{ span.cache.hit != true }", 14),
        ("{ span.order.total > 20.0 }", 39),
        ("{ span.order.total > 20 }", 0),
        ("{ span.http.response.status_code = 201.0 }", 0),
        ("{ span.http.response.status_code = 201 || span.http.response.status_code = 202 }", 74),
        ("{ span.http.route != nil }", 100),
        ("{ span.http.route = nil }", 160),
        ("{ span.mode != nil }", 40),
        ("{ span.mode = nil }", 220),
        ('{ span.mode != "async" }', 20),
        ('{ span.http.route != "/orders" }', 60),
        ('{ event:name = "exception" }', 9),
        ('{ event.exception.type =~ ".+" }', 9),
        ('{ instrumentation:name = "obskit" }', 260),
        ("{ nestedSetParent < 0 }", 40),
        ("{ nestedSetLeft = 1 }", 40),
        ("{ span.nothing = 1 }", 0),
        ("{ span.server.port + 1 = 8103 }", 40),
        ("{ span.server.port * 2 > 16203 }", 40),
        ("{ -span.server.port < 0 }", 40),
    ],
)
def test_matches_so_many_spans(filled, query, spans):
    assert filled.matched(query) == spans


@pytest.mark.parametrize(
    ("query", "spans"),
    [
        # Only what a condition matches is fetched, so its negation has nothing to look at.
        ("{ !(kind = server) }", 0),
        ("{ !(kind = server || kind = client) }", 0),
        ("{ !(!(kind = server)) }", 100),
        # One column: both kinds are fetched.
        ("{ kind = server && !(kind = client) }", 100),
        # Two columns: a span must meet both conditions, and then fails the negation.
        ("{ kind = server && !(status = error) }", 0),
        # An attribute without a scope lifts that.
        ('{ .mode = "async" && !(span.cache.hit = true) }', 7),
        ("{ kind = server || !(status = error) }", 100),
        ("{ !(kind = server && status = error) }", 0),
    ],
)
def test_negates_as_tempos_two_passes_do(filled, query, spans):
    assert filled.matched(query) == spans


@pytest.mark.parametrize(
    ("query", "spans"),
    [
        ("{ kind = server } && { kind = consumer }", 60),
        ("{ kind = consumer } || { status = error }", 26),
        ("{ kind = server } >> { kind = consumer }", 20),
        ("{ kind = server } > { kind = consumer }", 0),
        ("{ kind = producer } > { kind = consumer }", 20),
        ("{ kind = consumer } < { kind = producer }", 20),
        ("{ kind = consumer } << { kind = server }", 40),
        ("{ kind = consumer } >> { kind = consumer }", 0),
        ('{ name = "INSERT orders" } ~ { kind = producer }', 20),
        ('{ kind = server } &> { kind = client && name = "POST" }', 120),
        ("{ kind = producer } !> { kind = consumer }", 0),
        ("{ } > { kind = consumer }", 20),
        ("{ nestedSetParent < 0 } !>> { }", 40),
        ("({ kind = server } | count() > 1) && { kind = consumer }", 60),
        ("{ kind = server } && { kind = consumer } || { status = error }", 66),
    ],
)
def test_relates_sets_of_spans(filled, query, spans):
    assert filled.matched(query) == spans


@pytest.mark.parametrize(
    ("query", "traces"),
    [
        ("{ } | count() > 6", 20),
        ("{ } | count() >= 6", 40),
        ("{ } | count() = 6", 20),
        ("{ } | count() != 6", 20),
        ("{ } | count() < 7", 20),
        ("{ } | count() <= 5", 0),
        ("{ kind = server } | count() = 3", 20),
        ("{ status = error } | count() > 1", 3),
        ("{ } | max(duration) > 500ms", 8),
        ("{ } | min(duration) < 3ms", 20),
        ("{ } | avg(duration) > 300ms", 4),
        ("{ kind = server } | sum(duration) > 1s", 8),
        ("{ } | avg(span.http.response.status_code) > 300", 3),
        ("{ } | sum(span.order.total) > 21.4", 38),
    ],
)
def test_filters_traces_by_what_their_spans_come_to(filled, query, traces):
    assert len(filled.ids(query, limit=100)) == traces


def test_lists_what_an_aggregate_came_to(filled):
    (trace,) = filled.search("{ kind = server } | count() > 1 | max(duration) > 500ms", limit=1)
    listed = {entry["key"]: entry["value"] for entry in trace["spanSet"]["attributes"]}
    assert listed["count()"] == {"intValue": "3"}
    assert listed["max(duration)"]["stringValue"].endswith("ms")


def test_lists_what_was_selected_and_nil_for_a_column_without_a_value(filled):
    (trace,) = filled.search(
        "{ kind = producer } | select(name, span.http.route, span.mode, resource.service.name)", limit=1
    )
    (span,) = trace["spanSet"]["spans"]
    assert span["name"] == "publish orders.created"
    listed = {entry["key"]: entry["value"]["stringValue"] for entry in span["attributes"]}
    assert listed == {"kind": "producer", "http.route": "nil", "service.name": "orders"}


def test_shows_as_many_spans_as_are_asked_for(filled):
    (trace,) = filled.search("{ }", limit=1, spss=5)
    assert len(trace["spanSet"]["spans"]) == 5
    assert trace["spanSet"]["matched"] in {6, 7}


def test_lists_newest_traces_first(filled):
    starts = [int(trace["startTimeUnixNano"]) for trace in filled.search("{ }", limit=40)]
    assert starts == sorted(starts, reverse=True)
    assert len(starts) == 40


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("{ nosuch }", "unknown identifier: nosuch"),
        ("{ name = }", "unexpected }"),
        ("{ kind = server", "unexpected $end"),
        ("", None),
        ("kind = server", "kind"),
        ("{ name }", "must resolve to a boolean"),
        ("{ status > error }", "illegal operation for the given types"),
        ('{ status = "error" }', "binary operations must operate on the same type"),
        ("{ !name }", "illegal operation for the given type"),
        ("{ .a =~ .b }", "invalid type for =~"),
        ("{ .a =~ 1 }", "illegal operation"),
        ('{ name =~ "(" }', "invalid regex"),
        ("{ kind = nil }", "intrinsics cannot be nil"),
        ("{ resource.service.name = nil }", "cannot be nil"),
        ("{ } | count() > 1s || true", "unexpected"),
        ("{ } | avg(name) > 1", "must resolve to a number type"),
        ("{ } | avg(1) > 1", "must reference the span"),
        ('{ } | max(duration) > "x"', "same type"),
        ("{ .a = 99999999999999999999 }", "out of range"),
        ('{ span:id =~ "a" }', "not supported for span:id"),
        # What Tempo can do and this store does not is named.
        ("{ } | rate()", "rate() is not supported by the embedded trace store; Tempo can"),
        ("{ } | by(name)", "by() is not supported"),
        ("{ } | quantile_over_time(duration, .9)", "quantile_over_time() is not supported"),
        ("{ } with(sample=true)", "with(sample=...) is not supported"),
        ('{ parent.name = "a" }', "parent.name is not supported"),
        ("{ span:childCount > 1 }", "span:childCount is not supported"),
    ],
)
def test_refuses_by_name(filled, query, named):
    answer = filled.client.get("/api/search", params={"q": query})
    if named is None:
        assert answer.status_code == 200
        return
    assert answer.status_code == 400
    assert answer.text.startswith("invalid TraceQL query: ")
    assert named in answer.text


def test_reads_attributes_of_every_type(served, spans):
    attributes = {"text": "a b", "number": 7, "ratio": 0.5, "flag": True, "tags": ["x", "y"], "odd key": "v"}
    served.push(spans({"attributes": attributes}, {"attributes": {"tags": ["z"]}}))
    for query in (
        '{ span.text = "a b" }',
        "{ span.number < 8 }",
        "{ span.ratio >= 0.5 }",
        "{ span.flag = true }",
        '{ span.tags = "y" }',
        '{ span.tags =~ "x|q" }',
        '{ span."odd key" = `v` }',
        '{ .text = "\\x61 b" }',
    ):
        assert served.matched(query) == 1, query
    assert served.matched('{ span.tags != "y" }') == 2
    assert served.matched('{ span.tags != "q" }') == 2


def test_looks_in_the_span_before_its_resource(served, spans):
    served.push(spans({"attributes": {"zone": "a"}}, {}, resource={"zone": "b"}))
    assert served.matched('{ .zone = "a" }') == 1
    assert served.matched('{ .zone = "b" }') == 1
    assert served.matched('{ resource.zone = "b" }') == 2


def test_leaves_spans_that_hang_on_no_root_out_of_the_tree(served, spans):
    served.push(
        spans({"name": "lost", "parentSpanId": "00000000000000ff"}, {"parentSpanId": "0000000000000001"})
    )
    assert served.matched('{ name = "lost" } > { }') == 0
    assert served.matched("{ }") == 2


def test_binds_and_and_or_equally_from_the_left(filled):
    assert filled.matched("{ kind = consumer || kind = server && status = error }") == filled.matched(
        "{ (kind = consumer || kind = server) && status = error }"
    )
