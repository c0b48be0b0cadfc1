"""Fallbacks: counted by kind, on the span, and with what made them necessary."""

import obskit


def test_fallback_is_counted_marked_and_logged_with_its_cause(captured):
    with obskit.span("price"):
        try:
            [].pop()
        except IndexError:
            obskit.fallback("pricing", "cached")
    span = captured.span("price")
    assert span.attributes["obskit.fallback.kind"] == "cached"
    assert [(event.name, event.attributes["peer.service"]) for event in span.events] == [
        ("fallback", "pricing")
    ]
    (line,) = captured.events("fallback.used")
    assert (line["dependency"], line["kind"], line["error"]) == ("pricing", "cached", "IndexError")
    counts = {
        kind: captured.value("obskit_fallbacks_total", dependency="pricing", kind=kind)
        for kind in ("cached", "default", "replica")
    }
    assert counts == {"cached": 1, "default": 0, "replica": 0}


def test_fallback_without_an_exception_has_no_cause(captured):
    obskit.fallback("pricing", "default")
    (line,) = captured.events("fallback.used")
    assert line["error"] == ""
