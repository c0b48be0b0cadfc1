"""Many events at once: taken at the rate that was promised, each where it belongs."""

import asyncio
import os
import time
from collections import Counter

import orjson
import psutil
import pytest

KEY = "0123456789abcdef0123456789abcdef"
CONNECTIONS = 16


def request(key, action):
    event = {
        "routing_key": KEY,
        "event_action": action,
        "dedup_key": key,
        "payload": {"summary": f"{key} broke", "source": "db1", "severity": "critical"},
    }
    body = orjson.dumps(event)
    head = f"POST /v2/enqueue HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def answer_of(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
    )
    await reader.readexactly(length)
    return int(head[9:12])


async def send_all(port, number, count, per_s, seen):
    """Send every CONNECTIONS-th of *count* events when its time has come, and note how each was answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.monotonic()
    for place in range(number, count, CONNECTIONS):
        await asyncio.sleep(max(0.0, began + place / per_s - time.monotonic()))
        # Four triggers and a resolve for each key, in order: one connection has all events of a key.
        turn = place // CONNECTIONS
        key = f"{number}-{turn // 5}"
        writer.write(request(key, "resolve" if turn % 5 == 4 else "trigger"))
        sent = time.monotonic()
        seen["statuses"][await answer_of(reader)] += 1
        seen["slowest_s"] = max(seen["slowest_s"], time.monotonic() - sent)
        seen["keys"][key] = "resolved" if turn % 5 == 4 else "triggered"
    writer.close()
    await writer.wait_closed()


async def flood(port, count, per_s):
    seen = {"statuses": Counter(), "slowest_s": 0.0, "keys": {}}
    began = time.monotonic()
    await asyncio.gather(*(send_all(port, number, count, per_s, seen) for number in range(CONNECTIONS)))
    return {**seen, "seconds": time.monotonic() - began}


def states(pager):
    incidents = pager.client.get("/v1/incidents?limit=1000").json()["incidents"]
    return {incident["dedup_key"]: incident["status"] for incident in incidents}


def test_every_event_of_a_flood_is_where_it_belongs(run_pager):
    pager = run_pager("--events-per-s", "100000")
    seen = asyncio.run(flood(pager.client.base_url.port, 2_000, 1e6))
    assert seen["statuses"] == {202: 2_000}
    assert states(pager) == seen["keys"]


@pytest.mark.prove
def test_takes_500_events_a_second_for_a_minute(run_pager, capsys):
    pager = run_pager()
    process = psutil.Process(pager.process.pid)
    is_idle = os.getloadavg()[0] < (os.cpu_count() or 1)
    used_before = sum(process.cpu_times()[:2])
    seen = asyncio.run(flood(pager.client.base_url.port, 30_000, 500))
    used_s = sum(process.cpu_times()[:2]) - used_before
    figures = (
        f"{30_000 / seen['seconds']:.0f} events/s for {seen['seconds']:.1f} s, slowest answer "
        f"{seen['slowest_s']:.2f} s, {used_s / 30:.2f} ms of CPU an event, machine idle: {is_idle}"
    )
    with capsys.disabled():
        print(figures)  # noqa: T201 - the figure is the result
    assert seen["statuses"] == {202: 30_000}, figures
    # What one core can do in the minute; where others take the cores, it is all that can be said.
    assert used_s < 60, figures
    assert seen["seconds"] < 66 or not is_idle, figures
    shown = states(pager)
    assert len(shown) == 1_000
    assert shown.items() <= seen["keys"].items()
