import json

from obskit.console._loglines import line_of, written
from obskit.console._shell import Page

AT = 1_700_000_000_123_456_789
TRACE = "1bf7651916cd43dd8448eb211c80319c"
PAGE = Page("/logs")


def line(**fields):
    text = json.dumps({"service": "orders", "level": "error", "event": "order.failed", **fields})
    return line_of({"service_name": "orders"}, str(AT), text)


def test_a_line_leads_to_its_trace_to_lines_like_it_and_to_those_around_it():
    html = written([line(trace_id=TRACE, sku="A-1")], PAGE)
    assert f"/trace/{TRACE}" in html
    assert "All lines of the trace" in html
    assert "only these" in html
    assert "from=1699999990123&amp;to=1700000010123" in html  # ten seconds before and after
    assert f"at={AT}" in html  # and there it stands out


def test_the_line_that_is_looked_for_stands_out():
    assert "line here" in written([line()], PAGE, at=str(AT))
    assert "line here" not in written([line()], PAGE)


def test_what_a_line_says_stays_text():
    html = written([line(event="<script>x</script>", sku="<img src=x>")], PAGE)
    assert "<script>" not in html
    assert "<img" not in html


def test_a_line_that_is_no_json_is_shown_as_it_is():
    html = written([line_of({"service_name": "nats", "level": "info"}, str(AT), "[1] Server is ready")], PAGE)
    assert "[1] Server is ready" in html
    assert "nats" in html
