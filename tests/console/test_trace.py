from obskit.console._trace_page import critical, spans_of


def span(key, parent, start, end, kind="SPAN_KIND_INTERNAL", **more):
    return {
        "spanId": key,
        "parentSpanId": parent,
        "name": key,
        "kind": kind,
        "startTimeUnixNano": str(1_000_000_000 + start * 1_000_000),
        "endTimeUnixNano": str(1_000_000_000 + end * 1_000_000),
        **more,
    }


def trace(*spans):
    service = {"attributes": [{"key": "service.name", "value": {"stringValue": "gateway"}}]}
    return {"batches": [{"resource": service, "scopeSpans": [{"spans": list(spans)}]}]}


WAITED = trace(
    span("late", "root", 60, 90),
    span("root", "", 0, 100, "SPAN_KIND_SERVER"),
    span("early", "root", 5, 55),
    span("hidden", "root", 10, 40),
    span("inner", "late", 70, 80),
    span("event", "root", 50, 400, "SPAN_KIND_PRODUCER"),
)


def test_spans_are_in_the_order_of_a_waterfall():
    begin, spans = spans_of(WAITED)
    assert begin == 1.0
    assert [(each.name, each.depth) for each in spans] == [
        ("root", 0),
        ("early", 1),
        ("hidden", 1),
        ("event", 1),
        ("late", 1),
        ("inner", 2),
    ]
    assert spans[0].service == "gateway"
    assert (spans[1].start, spans[1].end) == (0.005, 0.055)


def test_the_critical_path_is_what_the_caller_waited_for():
    _, spans = spans_of(WAITED)
    assert critical(spans) == {"root", "late", "inner", "early"}


def test_a_span_whose_parent_is_missing_is_a_root():
    _, spans = spans_of(trace(span("a", "gone", 0, 1), span("b", "a", 0, 1)))
    assert [(each.name, each.depth) for each in spans] == [("a", 0), ("b", 1)]


def test_a_circle_of_parents_does_not_hang():
    _, spans = spans_of(trace(span("a", "b", 0, 1), span("b", "a", 0, 1), span("c", "c", 0, 1)))
    assert {each.name for each in spans} >= {"c"}


def test_an_empty_trace_has_no_path():
    assert spans_of({}) == (0.0, [])
    assert critical([]) == set()


def test_attributes_of_every_kind_are_read():
    listed = [
        {"key": "a", "value": {"stringValue": "x"}},
        {"key": "b", "value": {"intValue": "3"}},
        {"key": "c", "value": {"arrayValue": {"values": [{"stringValue": "y"}]}}},
        {"key": "d", "value": {}},
    ]
    _, (only,) = spans_of(trace(span("a", "", 0, 1, attributes=listed, status={"code": 2})))
    assert dict(only.attributes) == {"a": "x", "b": "3", "c": ["y"], "d": ""}
    assert only.is_error


def test_a_call_that_ends_a_moment_after_its_caller_is_what_the_caller_waited_for():
    skewed = trace(
        span("root", "", 0, 100, "SPAN_KIND_CLIENT"),
        span("server", "root", 1, 101, "SPAN_KIND_SERVER"),
    )
    _, spans = spans_of(skewed)

    assert critical(spans) == {"root", "server"}
