import socket

import pytest

from obskit.errors import ConfigError, StackError
from obskit.stack import PORTS, check_free, parse_port, resolve_ports, variable


def test_choice_wins_over_variable_over_default():
    environ = {"OBSKIT_PORT_PROMETHEUS": "19090", "OBSKIT_PORT_NATS_MONITOR": "18222"}

    ports = resolve_ports({"prometheus": 29090}, environ)

    assert ports["prometheus"] == 29090
    assert ports["nats-monitor"] == 18222
    assert ports["alertmanager"] == 9093
    assert set(ports) == {port.name for port in PORTS}


def test_variable_is_named_after_the_port():
    assert variable("nats-monitor") == "OBSKIT_PORT_NATS_MONITOR"


def test_takes_name_and_number():
    assert parse_port("prometheus=9190") == ("prometheus", 9190)


@pytest.mark.parametrize("text", ["grafan=1", "prometheus", "=9090", "prometheus=", ""])
def test_refuses_an_unknown_name(text):
    with pytest.raises(ConfigError):
        parse_port(text)


@pytest.mark.parametrize("number", ["0", "65536", "-1", "9090.5", "abc", "٣"])
def test_refuses_what_is_no_port(number):
    with pytest.raises(ConfigError, match="is not a port; use a number from 1 to 65535"):
        parse_port(f"prometheus={number}")
    with pytest.raises(ConfigError, match="OBSKIT_PORT_PAGER"):
        resolve_ports(environ={"OBSKIT_PORT_PAGER": number})


def test_refuses_one_number_for_two():
    with pytest.raises(ConfigError, match="gateway and prometheus are both 8081"):
        resolve_ports({"prometheus": 8081}, {})


def test_free_port_passes(free_port):
    check_free({"prometheus": free_port()})


def test_port_taken_on_all_interfaces_is_taken():
    with socket.create_server(("0.0.0.0", 0)) as taken, pytest.raises(StackError, match="is taken by"):
        check_free({"prometheus": taken.getsockname()[1]})


def test_connection_that_lingers_does_not_take_a_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            accepted, _ = server.accept()
            accepted.close()  # the side that closes first waits in the kernel

    check_free({"prometheus": port})
