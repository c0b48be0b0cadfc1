"""Lines that are left out on purpose: counted, whole traces, never errors."""

import json

import pytest

import obskit
from obskit.logging._gate import Gate


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_an_event_has_its_rate_and_its_next_line_says_what_was_held_back():
    clock, left_out = Clock(), {"rate": 0, "sample": 0}
    gate = Gate(3, 1.0, left_out, clock)
    passed = [gate.holds_back("chatty", None, routine=True) for _ in range(10)]
    assert passed == [0, 0, 0, *[None] * 7]
    assert gate.holds_back("other", None, routine=True) == 0
    clock.now = 1.0
    assert gate.holds_back("chatty", None, routine=True) == 7
    assert gate.holds_back("chatty", None, routine=True) == 0
    assert left_out == {"rate": 7, "sample": 0}


def test_events_with_ids_in_them_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr("obskit.logging._gate._EVENTS", 10)
    gate = Gate(1, 1.0, {"rate": 0, "sample": 0}, Clock())
    for number in range(1000):
        gate.holds_back(f"order {number}", None, routine=True)
    assert len(gate._events) <= 10


def test_lines_are_chosen_by_trace_and_by_the_fraction():
    left_out = {"rate": 0, "sample": 0}
    gates = [Gate(0, 0.25, left_out), Gate(0, 0.25, left_out)]
    ids = [(f"{number * 0x9E3779B97F4A7C15 % 2**64:032x}", "a" * 16) for number in range(1, 4001)]
    chosen = [[gate.holds_back("x", each, routine=True) is not None for each in ids] for gate in gates]
    assert chosen[0] == chosen[1]
    assert sum(chosen[0]) == pytest.approx(1000, rel=0.1)
    assert left_out["sample"] == 2 * (4000 - sum(chosen[0]))
    assert all(gate.holds_back("x", ids[0], routine=False) == 0 for gate in gates)
    assert gates[0].holds_back("x", None, routine=True) == 0


def test_errors_are_kept_and_the_rest_is_counted_on_the_page(tmp_path):
    telemetry = obskit.init(
        service="quiet", log_format="none", log_dir=tmp_path, log_sample=0, log_rate=2, log_level="debug"
    )
    log = obskit.get_logger()
    for _ in range(5):
        log.info("outside")
        log.error("failed")
    with obskit.span("inside"):
        log.info("left out")
        log.debug("left out")
        log.warning("kept")
        log.error("kept")
    assert telemetry.pipe.flush(10)
    (path,) = tmp_path.iterdir()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    events = [line["event"] for line in lines if line["logger"] != "obskit"]
    assert sorted(events) == sorted(["outside"] * 2 + ["failed"] * 5 + ["kept"] * 2)
    value = telemetry.registry.get_sample_value
    assert value("obskit_log_left_out_total", {"reason": "sample"}) == 2
    assert value("obskit_log_left_out_total", {"reason": "rate"}) == 3


def test_the_same_fraction_of_logs_and_traces_is_of_the_same_traces(tmp_path):
    telemetry = obskit.init(
        service="same",
        log_format="none",
        log_dir=tmp_path,
        log_sample=0.3,
        traces_sampler="traceidratio",
        traces_sampler_arg=0.3,
    )
    sampled = set()
    for _ in range(200):
        with obskit.span("root") as span:
            obskit.get_logger().info("inside")
            if span.is_recording():
                sampled.add(f"{span.get_span_context().trace_id:032x}")
    assert telemetry.pipe.flush(10)
    (path,) = tmp_path.iterdir()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert {line["trace_id"] for line in lines if line["event"] == "inside"} == sampled
    assert sampled
