"""The labs that start services of their own: what they count, whatever the machine's speed."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from sample_services.labs.bench import Options
from sample_services.labs.catalogue import find
from sample_services.labs.frame import run_lab
from sample_services.labs.shop import CHAIN, CONCURRENT, EVENT, REQUEST_REPLY

ROOT = Path(__file__).parents[3]


def run(name, **options):
    return asyncio.run(run_lab(find(name), Options(**options), lambda _text: None))


def children():
    return {child.pid for child in psutil.Process().children(recursive=True)}


@pytest.mark.prove
def test_an_outage_fails_calls_but_no_event_and_each_accepted_order_is_done_once():
    before = children()
    result = run("sync-vs-async", rate=8, seconds=0.3, repetitions=1, scale=0.1)
    assert tuple(result.measured) == (CHAIN, CONCURRENT, REQUEST_REPLY, EVENT)
    for measured in result.measured.values():
        assert measured.spreads()["queries"].median > 0
    found = result.finding.numbers
    assert found["is_settled"]
    assert found["done_twice"] == 0
    event = found["ways"][EVENT]
    assert event["failed"] == 0
    assert event["completed"] == event["accepted"] == event["asked"] > 0
    assert sum(found["ways"][way]["failed"] for way in (CHAIN, CONCURRENT, REQUEST_REPLY)) > 0
    for way in (CHAIN, CONCURRENT, REQUEST_REPLY):
        row = found["ways"][way]
        assert row["completed"] == row["accepted"]
    assert result.measured[EVENT].spreads()["messages"].median >= 3
    assert children() == before


@pytest.mark.prove
def test_a_deployment_with_readiness_and_drain_fails_no_request():
    result = run("rolling-deploy-with-and-without-readiness", rate=50)
    assert result.measured["readiness and drain"].errors == {}
    assert result.measured["neither"].errors.total() > 0
    assert all(row["sent"] > 14 * 40 for row in result.measured["readiness and drain"].repetitions)


@pytest.mark.prove
def test_a_killed_replica_is_felt_without_a_balancer():
    result = run("replica-crash-with-and-without-balancer")
    lost = {name: measured.errors.total() for name, measured in result.measured.items()}
    assert lost["no balancer"] > lost["balancer"] >= lost["balancer and retry"]


@pytest.mark.prove
@pytest.mark.parametrize("name", ["gateway-vs-direct", "bulk-mail-loop-vs-queue"])
def test_a_lab_with_processes_measures_every_way(name):
    before = children()
    result = run(name, seconds=2)
    assert tuple(result.measured) == find(name).ways
    assert all(len(measured.repetitions) == 3 for measured in result.measured.values())
    assert sum(measured.errors.total() for measured in result.measured.values()) == 0
    assert children() == before


@pytest.mark.prove
def test_bulk_mail_loses_none_either_way():
    result = run("bulk-mail-loop-vs-queue", seconds=2, repetitions=1)
    assert [measured.spreads()["lost"].most for measured in result.measured.values()] == [0, 0]
    assert result.measured["queue"].spreads()["messages"].median >= 1
    assert result.measured["loop"].spreads()["messages"].median == 0


def test_a_lab_that_is_told_to_stop_leaves_nothing_behind(tmp_path, wait_for):
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "sample_services.labs", "run", "gateway-vs-direct"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as lab:
        assert lab.stderr.readline() == "setting up\n"
        wait_for(lambda: psutil.Process(lab.pid).children(), "processes of the lab", within_s=120)
        started = psutil.Process(lab.pid).children(recursive=True)
        lab.terminate()
        assert lab.wait(120) == 130
        assert lab.stderr.read() == ""
    assert not [child for child in started if child.is_running() and child.status() != "zombie"]
    assert list(tmp_path.glob("obskit-lab-*")) == []
