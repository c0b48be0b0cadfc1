"""The frame of the labs: every way in turn, what is counted of each, and what it comes to."""

import asyncio
import dataclasses
from contextlib import asynccontextmanager

import pytest

from sample_services.labs.bench import Options
from sample_services.labs.conclusion import Contrast
from sample_services.labs.errors import CallFailedError, LabError
from sample_services.labs.frame import Finding, Lab, Stand, Way, run_lab
from sample_services.labs.show import as_json, markdown, show

SHORT = Options(rate=50, seconds=0.2)


def lab_of(*ways, find=None, opened=None):
    @asynccontextmanager
    async def stand(bench):
        if opened is not None:
            opened.append(bench)
        yield Stand(ways, find)

    return Lab(
        name="a-lab",
        question="Which?",
        ways=tuple(way.name for way in ways),
        rate=50,
        seconds=0.2,
        contrasts=(Contrast("failed"),),
        stand=stand,
    )


def run(lab, options=SHORT):
    return asyncio.run(run_lab(lab, options, lambda _text: None))


async def fine(_number):
    pass


async def broken(_number):
    raise CallFailedError("503")


async def refused(_number):
    raise ConnectionRefusedError


def test_ways_take_turns_and_none_is_always_first():
    result = run(lab_of(Way(name="a", what="", call=fine), Way(name="b", what="", call=fine)))
    assert result.order == ("a", "b", "b", "a", "a", "b")
    assert {name: len(each.repetitions) for name, each in result.measured.items()} == {"a": 3, "b": 3}


def test_every_way_is_offered_the_same_calls():
    result = run(lab_of(Way(name="a", what="", call=fine), Way(name="b", what="", call=broken)))
    sent = [[row["sent"] for row in each.repetitions] for each in result.measured.values()]
    assert sent[0] == sent[1]
    assert all(count > 0 for count in sent[0])


def test_failed_calls_are_counted_by_kind_and_the_others_go_on():
    result = run(lab_of(Way(name="a", what="", call=broken), Way(name="b", what="", call=refused)))
    for name, kind in (("a", "503"), ("b", "ConnectionRefusedError")):
        measured = result.measured[name]
        assert measured.errors == {kind: sum(row["sent"] for row in measured.repetitions)}
        assert all(row["failed"] == row["sent"] for row in measured.repetitions)


def test_a_call_gets_a_number_that_no_other_has():
    numbers = []

    async def call(number):
        numbers.append(number)

    run(lab_of(Way(name="a", what="", call=call), Way(name="b", what="", call=call)))
    assert len(numbers) == len(set(numbers))


def test_a_slow_answer_delays_no_later_call():
    waiting = asyncio.Event()
    most = 0
    now = 0

    async def call(_number):
        nonlocal most, now
        now += 1
        most = max(most, now)
        if now >= 3:
            waiting.set()
        # Ends only when others have come meanwhile: with one call at a time it never would.
        await waiting.wait()
        now -= 1

    async def before():
        waiting.clear()

    async def warm(number):
        await (call(number) if number >= 3 else fine(number))

    result = run(lab_of(Way(name="a", what="", call=warm, before=before)), Options(rate=200, seconds=0.2))
    assert most >= 3
    assert not result.measured["a"].errors


def test_what_a_lab_counts_is_shown_for_each_call():
    opened = []

    async def call(_number):
        opened[0].counts["bytes"] += 10

    result = run(lab_of(Way(name="a", what="", call=call), opened=opened))
    assert [row["bytes"] for row in result.measured["a"].repetitions] == [10, 10, 10]


def test_what_goes_on_beside_the_load_is_waited_for_and_later_figures_are_kept():
    done = []

    async def during(seconds):
        await asyncio.sleep(seconds * 2)
        done.append("during")

    async def after():
        return {"work_per_s": float(len(done))}

    result = run(lab_of(Way(name="a", what="", call=fine, during=during, after=after)))
    assert [row["work_per_s"] for row in result.measured["a"].repetitions] == [1, 2, 3]


def test_a_defect_of_a_lab_ends_it():
    async def call(_number):
        raise LookupError("no such column")

    with pytest.raises(LookupError, match="no such column"):
        run(lab_of(Way(name="a", what="", call=call)))


def test_the_folder_of_a_lab_is_gone_afterwards():
    opened = []
    run(lab_of(Way(name="a", what="", call=fine), opened=opened))
    assert not opened[0].home.exists()


def test_the_folder_is_gone_when_a_lab_cannot_be_set_up():
    homes = []

    @asynccontextmanager
    async def stand(bench):
        homes.append(bench.home)
        raise LabError("nats-server is not installed here.")
        yield

    lab = Lab(name="a", question="", ways=(), rate=1, seconds=1, contrasts=(), stand=stand)
    with pytest.raises(LabError, match="not installed"):
        run(lab)
    assert not homes[0].exists()


def test_a_result_is_json_a_table_and_one_line(capsys):
    async def find():
        return Finding("Two were lost.", {"lost": 2})

    ways = (Way(name="well", what="as it is", call=fine), Way(name="broken", what="fails", call=broken))
    result = run(lab_of(*ways, find=find))
    found = as_json(result, "http://board")
    assert found["finding"] == {"lost": 2}
    assert [way["name"] for way in found["ways"]] == ["well", "broken"]
    assert {"p50_s", "p95_s", "p99_s", "per_s", "failed", "cpu_s", "queries", "messages"} <= found["ways"][0][
        "figures"
    ].keys()
    assert found["conclusion"].startswith("failed: well 0 < broken ")
    assert found["conclusion"].endswith("Two were lost.")
    show(result, "http://board")
    printed = capsys.readouterr().out
    assert f"Conclusion: {found['conclusion']}\n" in printed
    assert "Board: http://board" in printed
    assert "| `a-lab` |" in markdown([found])


def test_each_way_is_on_the_board_as_a_template(captured_lab):
    telemetry = captured_lab(lab_of(Way(name="a", what="", call=fine), Way(name="b", what="", call=broken)))
    labels = {"http_request_method": "_OTHER", "server_address": "lab"}
    name = "http_client_request_duration_seconds_count"
    well = {"url_template": "a-lab: a", "http_response_status_code": "200", "error_type": ""}
    failed = {"url_template": "a-lab: b", "http_response_status_code": "", "error_type": "503"}
    assert telemetry.registry.get_sample_value(name, labels | well) > 0
    assert telemetry.registry.get_sample_value(name, labels | failed) > 0


@pytest.fixture
def captured_lab():
    def go(lab):
        found = []

        async def body():
            original = lab.stand

            @asynccontextmanager
            async def stand(bench):
                found.append(bench.telemetry)
                async with original(bench) as made:
                    yield made

            await run_lab(dataclasses.replace(lab, stand=stand), SHORT, lambda _text: None)

        asyncio.run(body())
        return found[0]

    return go
