"""kill -9 at any moment loses no line and doubles none."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from obskit.embedded.logs._reader import reading
from obskit.embedded.logs.logql import Deadline, Wanted

WRITER = """
import json, os, sys, time
folder, count, per_file, pause = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
path = os.path.join(folder, "orders.1.jsonl")
file = open(path, "a")
for number in range(count):
    stamp = f"2026-11-22T10:{number // 60000000:02}:{number // 1000000 % 60:02}.{number % 1000000:06}Z"
    file.write(json.dumps({"timestamp": stamp, "level": "info", "service": "orders",
                           "environment": "demo", "n": number, "pad": "x" * (number % 200)}) + "\\n")
    if number % 50 == 49:
        file.flush()
        time.sleep(pause)
    if number % per_file == per_file - 1:
        file.close()
        rotated = sorted((int(name.rsplit(".", 1)[1]) for name in os.listdir(folder)
                          if name.startswith("orders.1.jsonl.")), reverse=True)
        for place in rotated:
            os.rename(f"{path}.{place}", f"{path}.{place + 1}")
        os.rename(path, path + ".1")
        file = open(path, "a")
file.close()
"""


def start_store(home: Path, folder: Path, ports: list[int]) -> subprocess.Popen[bytes]:
    arguments = ["--home", str(home), "--log-dir", str(folder), "--loki-port", str(ports[0])]
    with (home / "out").open("ab") as out:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "obskit.embedded", *arguments),
                *("--tempo-port", str(ports[1]), "--otlp-port", str(ports[2])),
            ],
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OBSKIT_LOG_FORMAT": "json"},
        )


def is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/ready").status_code == 200
    except httpx.TransportError:
        return False


def numbers_in(path: Path) -> list[int]:
    if not path.exists():
        return []
    with reading(path, Deadline(60)) as reader:
        return [
            json.loads(row[1])["n"]
            for stream in reader.streams([])
            for row in reader.rows(stream, Wanted(0, 2**63 - 1))
        ]


@pytest.fixture
def survive(tmp_path, free_port, wait_for):
    """Write *count* lines while the store is killed *kills* times; return what it has in the end."""
    processes: list[subprocess.Popen[bytes]] = []

    def run(count: int, kills: int, longest_s: float) -> list[int]:
        home, folder = tmp_path / "home", tmp_path / "logs"
        home.mkdir()
        folder.mkdir()
        ports = [free_port(), free_port(), free_port()]
        # It writes for as long as the store is killed.
        paces = [str(count), str(max(count // 20, 500)), str(kills * 1.4 / (count / 50))]
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(folder), *paces])
        processes.append(writer)
        database = home / "data" / "logs.db"
        chance = random.Random(kills)
        for _ in range(kills):
            store = start_store(home, folder, ports)
            processes.append(store)
            wait_for(
                lambda store=store: database.exists() or store.poll() is not None,
                "the store opens",
                within_s=60,
            )
            threading.Event().wait(0.3 + chance.random() * longest_s)
            assert store.poll() is None, (home / "out").read_text()
            store.send_signal(signal.SIGKILL)
            store.wait(10)
        assert writer.wait(300) == 0
        store = start_store(home, folder, ports)
        processes.append(store)
        wait_for(lambda: len(numbers_in(database)) >= count, "every line is stored", within_s=120)
        wait_for(lambda: is_ready(ports[0]), "the store answers", within_s=60)
        store.terminate()
        assert store.wait(60) == 0
        return numbers_in(database)

    yield run
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.wait(10)


def test_three_kills_lose_and_double_nothing(survive):
    assert sorted(survive(12_000, 3, 0.8)) == list(range(12_000))


@pytest.mark.prove
def test_fifty_kills_lose_and_double_nothing(survive):
    assert sorted(survive(200_000, 50, 1.2)) == list(range(200_000))


def test_a_push_that_was_answered_survives_a_kill(tmp_path, free_port, wait_for):
    home = tmp_path / "home"
    home.mkdir()
    ports = [free_port(), free_port(), free_port()]
    store = start_store(home, tmp_path, ports)
    answered: list[int] = []
    with httpx.Client(base_url=f"http://127.0.0.1:{ports[0]}", verify=False) as client:
        wait_for(lambda: is_ready(ports[0]), "the store is ready", within_s=60)
        killer = threading.Timer(0.7, store.kill)
        killer.start()
        try:
            for number in range(100_000):
                values = [[str(10**18 + number), json.dumps({"n": number})]]
                push = {"streams": [{"stream": {"app": "a"}, "values": values}]}
                if client.post("/loki/api/v1/push", json=push).status_code == 204:
                    answered.append(number)
        except httpx.TransportError:
            pass
    store.wait(10)
    killer.join()
    assert len(answered) > 10
    stored = numbers_in(home / "data" / "logs.db")
    assert set(answered) <= set(stored)
    assert len(stored) == len(set(stored))
