"""What a sample service and the console do differently where nobody comes from loopback."""

import pytest

from obskit.console._door import Door
from obskit.errors import ConfigError
from sample_services.faults_admin import _require_loopback
from sample_services.problems import Problem
from sample_services.settings import Settings


class Request:
    def __init__(self, host):
        self.client = type("Client", (), {"host": host})()


@pytest.mark.parametrize("host", ["172.18.0.1", "192.168.1.4"])
def test_a_fault_is_switched_from_the_network_of_the_containers_only_where_that_is_set(monkeypatch, host):
    with pytest.raises(Problem):
        _require_loopback(Request(host))
    monkeypatch.setenv("OBSKIT_FAULTS_FROM", "private")
    _require_loopback(Request(host))
    with pytest.raises(Problem):
        _require_loopback(Request("8.8.8.8"))


def test_a_password_comes_from_its_file_and_is_escaped(tmp_path):
    secret = tmp_path / "password"
    secret.write_text("p@ss/word\n")
    found = Settings.load(
        "orders",
        {
            "DATABASE_URL": "postgresql+asyncpg://orders@postgres:5432/orders",
            "DATABASE_PASSWORD_FILE": str(secret),
            "CACHE_URL": "redis://default@redis:6379/0",
            "CACHE_PASSWORD_FILE": str(secret),
        },
    )
    assert found.database_url == "postgresql+asyncpg://orders:p%40ss%2Fword@postgres:5432/orders"
    assert found.cache_url == "redis://default:p%40ss%2Fword@redis:6379/0"


def test_a_password_file_that_is_missing_ends_the_start_with_its_name(tmp_path):
    with pytest.raises(ConfigError, match=r"DATABASE_PASSWORD_FILE=.*cannot be read"):
        Settings.load(
            "orders",
            {"DATABASE_URL": "postgresql+asyncpg://o@p/o", "DATABASE_PASSWORD_FILE": str(tmp_path / "none")},
        )


@pytest.mark.parametrize(("hosts", "is_served"), [((), False), (("console",), True)])
def test_the_console_answers_to_the_name_of_its_container_only_where_it_was_told(hosts, is_served):
    served, sent = [], []

    async def app(_scope, _receive, _send):
        served.append(True)

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/metrics", "headers": [(b"host", b"console:8600")]}
    running = Door(app, app, hosts)(scope, None, send)
    with pytest.raises(StopIteration):
        running.send(None)
    assert bool(served) is is_served
    assert bool(sent) is not is_served
