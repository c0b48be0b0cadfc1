"""Settings of the sample services: defaults that work, and refusals that say what to do."""

import pytest

from obskit.errors import ConfigError
from sample_services.settings import Settings


def test_defaults_are_the_local_ports_and_a_file_under_the_state_folder():
    settings = Settings.load("orders", {})
    assert settings.database_url == "sqlite+aiosqlite:///.obskit/data/orders.db"
    assert settings.nats_url == "nats://127.0.0.1:4222"
    assert settings.orders_url == "http://127.0.0.1:8102"
    assert settings.inventory_url == "http://127.0.0.1:8103"
    assert settings.faults_token() is None


def test_home_moves_the_database():
    assert (
        Settings.load("orders", {"OBSKIT_HOME": "/state"}).database_url
        == "sqlite+aiosqlite:////state/data/orders.db"
    )


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("NATS_URL", "127.0.0.1:4222", "use an address such as nats://127.0.0.1:4222"),
        ("ORDERS_URL", "nats://127.0.0.1:1", "use an address such as http://127.0.0.1:8102"),
        ("INVENTORY_URL", "http://127.0.0.1:no", "use an address such as http://127.0.0.1:8103"),
        ("DATABASE_URL", "sqlite:///orders.db", "use sqlite+aiosqlite:///<path>"),
        ("DATABASE_URL", "nonsense", "use sqlite+aiosqlite:///<path>"),
        ("DATABASE_URL", "nosuchdb://x/y", "use sqlite+aiosqlite:///<path>"),
        ("DATABASE_REPLICA_URL", "sqlite:///orders.db", "use sqlite+aiosqlite:///<path>"),
    ],
)
def test_wrong_value_is_refused_with_what_is_accepted(variable, value, says):
    with pytest.raises(ConfigError, match=variable) as refused:
        Settings.load("orders", {variable: value})
    assert says in str(refused.value)


@pytest.mark.parametrize("variable", ["NATS_URL", "ORDERS_URL", "DATABASE_URL"])
def test_refusal_never_shows_a_password(variable):
    with pytest.raises(ConfigError) as refused:
        Settings.load("orders", {variable: "sqlite://user:hunter2@host/db"})
    assert "hunter2" not in str(refused.value)


def test_token_is_read_from_its_file(tmp_path):
    file = tmp_path / "token"
    file.write_text("0123456789abcdef\n")
    assert (
        Settings.load("orders", {"OBSKIT_FAULTS_TOKEN_FILE": str(file)}).faults_token() == "0123456789abcdef"
    )


def test_token_file_that_cannot_be_used_is_refused(tmp_path):
    short = tmp_path / "short"
    short.write_text("abc")
    for path, says in ((tmp_path / "none", "cannot be read"), (short, "holds 3 characters")):
        settings = Settings.load("orders", {"OBSKIT_FAULTS_TOKEN_FILE": str(path)})
        with pytest.raises(ConfigError, match=says):
            settings.faults_token()
