"""A trace in the terminal."""

from obskit.cli._waterfall import read_spans, waterfall


def span(span_id, start_ms, end_ms, *, parent="", kind="SPAN_KIND_INTERNAL", code="STATUS_CODE_UNSET"):
    return {
        "spanId": span_id,
        "parentSpanId": parent,
        "name": f"work {span_id}",
        "kind": kind,
        "startTimeUnixNano": str(start_ms * 1_000_000),
        "endTimeUnixNano": str(end_ms * 1_000_000),
        "status": {"code": code},
    }


def lines(*spans):
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "orders"}}]}
    answer = {"trace": {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(spans)}]}]}}
    return waterfall(read_spans(answer))


def bar(line):
    return line.split("|")[1]


def test_bars_stand_on_one_scale():
    whole, half = lines(span("a", 0, 100), span("b", 50, 100, parent="a"))
    assert bar(whole) == "=" * 40
    assert bar(half) == " " * 20 + "=" * 20


def test_children_are_indented_below_their_parent_in_order_of_start():
    shown = lines(
        span("a", 0, 9), span("c", 5, 6, parent="a"), span("b", 1, 4, parent="a"), span("d", 2, 3, parent="b")
    )
    assert [line.rsplit("| ", 1)[1] for line in shown] == [
        "orders: work a",
        "  orders: work b",
        "    orders: work d",
        "  orders: work c",
    ]


def test_work_behind_a_message_and_failures_are_marked():
    (shown,) = lines(span("a", 0, 1, kind="SPAN_KIND_CONSUMER", code="STATUS_CODE_ERROR"))
    assert bar(shown) == "~" * 40
    assert "!|" in shown


def test_span_without_its_parent_is_a_root():
    assert len(lines(span("b", 0, 1, parent="gone"))) == 1


def test_span_that_took_no_time_still_has_a_bar():
    assert bar(lines(span("a", 0, 100), span("b", 100, 100, parent="a"))[1]).strip() == "="
