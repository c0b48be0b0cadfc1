"""Which stores keep logs and traces: programs and servers that stand in for Grafana's."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from obskit import stack
from obskit.errors import ConfigError, StackError

PORTS = {port.name: port.default + 10_000 for port in stack.PORTS}
VERSION = "echo '{}, version {} (branch: release, revision: 1)'"


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Put programs on PATH, each a line of shell; there is nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def put(**lines):
        for name, line in lines.items():
            path = folder / name
            path.write_text(f"#!/bin/sh\n{line}\n")
            path.chmod(0o755)

    return put


@pytest.fixture
def server():
    """Answers 200 on the paths that it is given, 404 on others."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path in made.known else 404)
            self.end_headers()

        def log_message(self, *_arguments):
            pass

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.known = {"/loki/api/v1/status/buildinfo", "/api/status/buildinfo"}
    made.url = f"http://127.0.0.1:{made.server_port}"
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def home(tmp_path):
    home = stack.Home.at(tmp_path / "home")
    home.create()
    return home


def specs(home, stores):
    return {spec.name: spec for spec in stack.native_plan(home, ports=PORTS, stores=stores).processes}


def test_the_embedded_stores_are_used_where_there_is_nothing_else(programs):
    chosen = stack.choose_stores(PORTS)

    assert (chosen.loki.kind, chosen.tempo.kind) == ("embedded", "embedded")
    assert chosen.otlp == f"http://127.0.0.1:{PORTS['otlp']}"
    assert chosen.notes == ()


def test_grafanas_programs_are_used(programs, tmp_path):
    programs(loki=VERSION.format("loki", "3.7.6"), tempo=VERSION.format("tempo", "v3.0.3") + " >&2")

    chosen = stack.choose_stores(PORTS)

    assert (chosen.loki.kind, chosen.loki.program) == ("program", str(tmp_path / "bin" / "loki"))
    assert (chosen.tempo.kind, chosen.tempo.program) == ("program", str(tmp_path / "bin" / "tempo"))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("echo 'Loki 2.4.7, Markov chain Monte Carlo linkage analysis'", "another program"),
        ("cat > /dev/null; exit 1", "another program"),
        (VERSION.format("loki", "2.9.4"), "older than 3"),
        (VERSION.format("promtail", "3.7.6"), "another program"),
    ],
)
def test_another_program_of_that_name_is_left_alone_and_named(programs, line, why):
    programs(loki=line)

    chosen = stack.choose_stores(PORTS)

    assert chosen.loki.kind == "embedded"
    assert why in chosen.notes[0]


def test_a_file_that_cannot_run_is_left_alone(programs, tmp_path):
    programs(loki="")
    (tmp_path / "bin" / "loki").write_bytes(b"\x7fELF nothing")

    assert stack.choose_stores(PORTS).loki.kind == "embedded"


def test_embedded_can_be_asked_for(programs):
    programs(loki=VERSION.format("loki", "3.7.6"))

    assert stack.choose_stores(PORTS, loki="embedded").loki.kind == "embedded"


def test_addresses_are_used_and_spans_go_to_the_same_host(server, programs):
    chosen = stack.choose_stores(PORTS, loki=f"{server.url}/", tempo=server.url)

    assert chosen.loki == stack.choose_stores(PORTS, loki=server.url).loki
    assert chosen.addresses == {"loki": server.url, "tempo": server.url, "otlp": "http://127.0.0.1:4318"}
    elsewhere = stack.choose_stores(PORTS, tempo=server.url, otlp="http://collector:4318")
    assert elsewhere.otlp == "http://collector:4318"


@pytest.mark.parametrize("text", ["loki", "ftp://x", "http://", "http://me:secret@loki:3100"])
def test_an_address_that_cannot_be_used_is_refused(programs, text):
    with pytest.raises(ConfigError, match="--loki") as refused:
        stack.choose_stores(PORTS, loki=text)
    assert "secret" not in str(refused.value)


def test_spans_elsewhere_need_a_tempo_elsewhere(programs):
    with pytest.raises(ConfigError, match="--tempo"):
        stack.choose_stores(PORTS, otlp="http://collector:4318")


def test_an_address_where_nothing_answers_is_refused(programs, free_port):
    with pytest.raises(StackError, match="does not answer"):
        stack.choose_stores(PORTS, loki=f"http://127.0.0.1:{free_port()}")


def test_an_address_of_something_else_is_refused(programs, server):
    server.known.clear()
    with pytest.raises(StackError, match="is no Tempo"):
        stack.choose_stores(PORTS, tempo=server.url)


def test_a_loki_elsewhere_is_shipped_to(home):
    plain = stack.Stores.embedded(PORTS)
    stores = stack.Stores(stack.Store("address", "http://loki:3100"), plain.tempo, plain.otlp)

    found = specs(home, stores)

    assert "--loki-url=http://loki:3100" in found["shipper"].argv
    assert "--without=logs" in found["embedded"].argv
    assert set(found["embedded"].ports) == {"tempo", "otlp"}
    assert stack.native_plan(home, ports=PORTS, stores=stores).addresses["loki"] == "http://loki:3100"
    assert {"embedded.json", "shipper.json"} <= {path.name for path in home.targets.iterdir()}


def test_a_tempo_elsewhere_gets_the_spans(home):
    plain = stack.Stores.embedded(PORTS)
    stores = stack.Stores(plain.loki, stack.Store("address", "http://tempo:3200"), "http://tempo:4318")

    found = specs(home, stores)

    assert found["orders"].env["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://tempo:4318"
    assert "--without=traces" in found["embedded"].argv
    assert set(found["embedded"].ports) == {"loki"}
    assert "shipper" not in found


def test_programs_run_on_loopback_with_our_retention(home):
    specs(home, None)  # what an earlier start left behind
    stores = stack.Stores(
        stack.Store("program", f"http://127.0.0.1:{PORTS['loki']}", "/opt/loki"),
        stack.Store("program", f"http://127.0.0.1:{PORTS['tempo']}", "/opt/tempo"),
        f"http://127.0.0.1:{PORTS['otlp']}",
        stack.Keep(days=3),
    )

    found = specs(home, stores)

    assert "embedded" not in found
    assert not (home.targets / "embedded.json").exists()
    loki = yaml.safe_load((home.root / "loki" / "loki.yaml").read_text())
    tempo = yaml.safe_load((home.root / "tempo" / "tempo.yaml").read_text())
    assert found["loki"].argv == ("/opt/loki", f"-config.file={home.root}/loki/loki.yaml", "-target=all")
    for config, name in ((loki, "loki"), (tempo, "tempo")):
        assert (
            config["server"]["http_listen_address"] == config["server"]["grpc_listen_address"] == "127.0.0.1"
        )
        assert config["server"]["http_listen_port"] == PORTS[name]
    assert loki["limits_config"]["retention_period"] == "72h"
    assert loki["common"]["path_prefix"] == str(home.root / "loki")
    assert tempo["overrides"]["defaults"]["compaction"]["block_retention"] == "72h"
    assert tempo["storage"]["trace"]["local"]["path"] == str(home.root / "tempo" / "blocks")
    receivers = tempo["distributor"]["receivers"]["otlp"]["protocols"]
    assert receivers == {"http": {"endpoint": f"127.0.0.1:{PORTS['otlp']}"}}
    assert "/var/tempo" not in str(tempo)
    assert "0.0.0.0" not in str(tempo) + str(loki)
    assert "--web.enable-remote-write-receiver" in found["prometheus"].argv
    assert str(PORTS["prometheus"]) in tempo["metrics_generator"]["storage"]["remote_write"][0]["url"]


def test_retention_reaches_the_embedded_stores(home):
    keep = stack.Keep(days=1.5, megabytes=77)
    plain = stack.Stores.embedded(PORTS)
    stores = stack.Stores(plain.loki, plain.tempo, plain.otlp, keep)

    argv = specs(home, stores)["embedded"].argv

    assert {"--keep-days=1.5", "--keep-mb=77"} <= set(argv)
