"""One log line for a person."""

from obskit.cli._lines import as_text

LABELS = {"service_name": "orders", "level": "error"}


def test_json_line_is_time_level_service_event_and_fields():
    line = (
        '{"timestamp":"x","level":"error","event":"order.failed","service":"orders","order_id":"7","tries":2}'
    )
    assert as_text(1_700_000_000_123_000_000, LABELS, line) == (
        "22:13:20.123  error    orders     order.failed  order_id=7 tries=2"
    )


def test_exception_is_its_type_and_message():
    line = '{"level":"error","event":"x","service":"orders","exception":{"type":"KeyError","message":"sku","stacktrace":"..."}}'
    assert as_text(0, LABELS, line).endswith("exception=KeyError(sku)")


def test_line_that_is_not_json_stays_as_it_is():
    assert as_text(0, LABELS, "[1] plain text").endswith("error    orders     [1] plain text")
