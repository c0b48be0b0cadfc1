from obskit.console._evidence import groups
from obskit.console._loglines import Line


def line(at, event, level="warning", service="orders", **fields):
    return Line(at, {}, event, {"event": event, "level": level, "service": service, **fields})


def test_lines_that_say_the_same_are_one_row_with_their_number():
    found = groups([line(1, "a"), line(2, "a"), line(3, "b")])

    assert [(group.first.event, group.count) for group in found] == [("a", 2), ("b", 1)]


def test_errors_come_before_warnings_however_many():
    found = groups([line(1, "noise"), line(2, "noise"), line(3, "cause", level="error")])

    assert [group.first.event for group in found] == ["cause", "noise"]


def test_the_line_shown_is_the_first_that_leads_to_a_trace():
    found = groups([line(1, "a"), line(2, "a", trace_id="t1"), line(3, "a", trace_id="t2")])

    assert found[0].first.trace_id == "t1"


def test_other_exceptions_are_another_row():
    found = groups([line(1, "a", exception={"type": "X"}), line(2, "a", exception={"type": "Y"})])

    assert len(found) == 2
