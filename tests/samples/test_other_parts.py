"""The sample services on the parts that a team has: PostgreSQL for every service, Redis for the gateway's cache."""

import importlib.util
import sys
from pathlib import Path

import psycopg
import pytest

pytestmark = pytest.mark.prove


def beside(folder):
    """Give the conftest of another folder, whose servers are wanted here too."""
    path = Path(__file__).parents[1] / folder / "conftest.py"
    spec = importlib.util.spec_from_file_location(f"{folder}_conftest", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


samples = beside("samples")
postgresql_server = beside("db").postgresql_server
Redis = beside("cache").Server


@pytest.fixture(scope="module")
def fleet(make_fleet, postgresql_server, tmp_path_factory):
    redis = Redis(tmp_path_factory.mktemp("redis"))
    redis.start(samples.wait_until)
    where = f"postgres@127.0.0.1:{postgresql_server}"
    with psycopg.connect(f"postgresql://{where}/postgres", autocommit=True) as admin:
        for name in samples.SERVICES:
            admin.execute(f"CREATE DATABASE {name}")
    fleet = make_fleet()
    for name in samples.SERVICES:
        fleet.start(name, DATABASE_URL=f"postgresql+asyncpg://{where}/{name}", CACHE_URL=redis.url)
    fleet.wait_ready()
    yield fleet
    redis.stop()


def test_orders_of_both_kinds_are_done_and_listed(fleet):
    before = fleet.available("CUP-GLASS")
    done = fleet.place("sync", sku="CUP-GLASS", quantity=3)
    accepted = fleet.place("async", sku="CUP-GLASS", quantity=2, key="once")
    again = fleet.place("async", sku="CUP-GLASS", quantity=2, key="once")

    assert (done.status_code, accepted.status_code) == (201, 202)
    assert again.json()["id"] == accepted.json()["id"]
    fleet.wait_state(accepted.json()["id"], "completed")
    assert fleet.available("CUP-GLASS") == before - 5


@pytest.mark.parametrize("service", ["users", "payments", "inventory", "orders"])
def test_statements_are_of_postgresql(fleet, service):
    name = "db_client_operation_duration_seconds_count"
    assert sum(fleet.samples(service, name, db_system_name="postgresql")) > 0
    assert fleet.samples(service, name, db_system_name="sqlite") == []


def test_answers_are_kept_in_redis(fleet):
    url = f"{fleet.url('gateway')}/api/products"
    for _ in range(3):
        assert fleet.http.get(url).status_code == 200

    assert sum(fleet.samples("gateway", "obskit_cache_lookups_total", outcome="hit")) > 0
    assert fleet.lines(event="cache.failed") == []
