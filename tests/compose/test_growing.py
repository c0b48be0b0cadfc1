"""The way past one machine: what can be checked of each configuration without the machines."""

import contextlib
import datetime as dt
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from obskit import catalog
from obskit.config import Settings

LABELS = {"service_name", "environment", "level"}
TRACE = "0af7651916cd43dd8448eb211c80319c"
WRITES_A_LINE = """
import obskit
obskit.init(service="orders", version="1.4")
with obskit.span("price"):
    obskit.get_logger().info("order.created", order_id="7")
obskit.shutdown()
"""


@pytest.fixture(scope="session")
def growing(folder):
    return folder / "growing"


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """One line as a service of obskit writes it."""
    logs = tmp_path_factory.mktemp("logs")
    environment = {**os.environ, "OBSKIT_LOG_DIR": str(logs), "OTEL_TRACES_EXPORTER": "none"}
    subprocess.run([sys.executable, "-c", WRITES_A_LINE], env=environment, check=True, capture_output=True)
    (file,) = logs.glob("*.jsonl")
    (found,) = [text for text in file.read_text().splitlines() if "order.created" in text]
    return json.loads(found)


def test_promtool_accepts_the_remote_write(growing, configs, tmp_path):
    added = yaml.safe_load((growing / "prometheus-remote-write.yml").read_text())
    shipped = configs("prometheus/prometheus.yml")
    whole = {**shipped, **added, "rule_files": [], "global": {**shipped["global"], **added["global"]}}
    path = tmp_path / "prometheus.yml"
    path.write_text(yaml.safe_dump(whole))
    done = subprocess.run(["promtool", "check", "config", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(write["send_exemplars"] for write in added["remote_write"])
    assert {"cluster", "replica"} <= added["global"]["external_labels"].keys()


def test_loki_on_a_bucket_gives_lines_the_same_labels_and_keeps_only_so_long(growing, configs):
    small, large = configs("loki/loki.yaml"), yaml.safe_load((growing / "loki-ha.yaml").read_text())
    for key, value in small["limits_config"].items():
        if key != "retention_period":
            assert large["limits_config"][key] == value
    assert large["compactor"]["retention_enabled"] is True
    assert large["compactor"]["delete_request_store"] == "s3"
    assert large["common"]["replication_factor"] == 3 == len(large["memberlist"]["join_members"])
    (old,), (new,) = small["schema_config"]["configs"], large["schema_config"]["configs"]
    assert {**old, "object_store": "s3"} == new


def labels_of(text, pattern):
    return set(re.findall(pattern, text))


def test_agents_make_the_three_labels_and_no_other(growing):
    logs = growing / "logs"
    labels = re.search(r"Labels +(.*)", (logs / "fluent-bit.conf").read_text())[1]
    assert labels_of(labels, r"(\w+)=\$") == LABELS
    block = re.search(r"<label>(.*)</label>", (logs / "fluentd.conf").read_text(), re.DOTALL)[1]
    assert labels_of(block, r"(\w+) \$\.") == LABELS
    sink = yaml.safe_load((logs / "vector.yaml").read_text())["sinks"]["loki"]
    assert sink["labels"].keys() == LABELS
    assert sink["buffer"]["when_full"] == "block"


def test_fields_that_an_agent_names_are_on_a_real_line(growing, line):
    logs = growing / "logs"
    named = labels_of((logs / "fluent-bit.conf").read_text(), r"=\$(\w+)")
    named |= labels_of((logs / "fluentd.conf").read_text(), r"\$\.(\w+)")
    named |= labels_of((logs / "vector.yaml").read_text(), r"\{\{ (\w+) \}\}")
    named |= labels_of((logs / "logstash.conf").read_text(), r"%\{\[(\w+)\]\}")
    assert named == {"service", "environment", "level", "trace_id"}
    assert named <= line.keys()


def test_time_formats_of_agents_read_the_time_of_a_line(growing, line):
    parsers = (growing / "logs" / "parsers.conf").read_text()
    theirs = re.search(r"Time_Format +(\S+)", parsers)[1].replace("%L", "%f")
    assert dt.datetime.strptime(line["timestamp"], theirs)  # noqa: DTZ007 - it ends in Z
    fluentd = re.search(r"time_format (\S+)", (growing / "logs" / "fluentd.conf").read_text())[1]
    assert fluentd == "%Y-%m-%dT%H:%M:%S.%N%z"
    assert dt.datetime.strptime(line["timestamp"], "%Y-%m-%dT%H:%M:%S.%f%z").tzinfo is not None


def test_every_agent_keeps_its_position_and_reads_from_the_beginning(growing):
    texts = {path.name: path.read_text() for path in (growing / "logs").iterdir()}
    assert "DB " in texts["fluent-bit.conf"]
    assert "Read_from_Head    true" in texts["fluent-bit.conf"]
    assert "Retry_Limit          no_limits" in texts["fluent-bit.conf"]
    assert "pos_file" in texts["fluentd.conf"]
    assert "sincedb_path" in texts["logstash.conf"]
    assert yaml.safe_load(texts["vector.yaml"])["data_dir"]


def test_the_capacity_table_is_arithmetic(growing):
    rows = {
        cells[0].strip(): [cell.strip() for cell in cells[1:4]]
        for cells in (
            row.strip("|").split("|")
            for row in (growing / "README.md").read_text().splitlines()
            if row[:1] == "|"
        )
    }
    number = lambda text: float(re.match(r"[\d. ]+", text)[0].replace(" ", ""))  # noqa: E731 - read once
    for column, processes in enumerate((10, 100, 1000)):
        series = number(rows["series (400 a process)"][column])
        assert series == processes * 400
        (disk,) = [cells[column] for name, cells in rows.items() if name.startswith("Prometheus disk")]
        assert number(disk) == pytest.approx(series * 40_320 * 1.5 / 1e9, rel=0.05)
        lines = number(rows["lines/s (3 a request)"][column])
        assert lines == 3 * number(rows["requests/s, all together"][column])
        daily = number(rows["lines a day (370 B)"][column])
        assert daily == pytest.approx(lines * 86_400 * 370 / 1e9, rel=0.05)
        assert number(rows["Loki disk, 7 days (a fifth)"][column]) == pytest.approx(daily * 7 / 5, rel=0.05)


def test_every_file_that_the_page_names_is_there(growing):
    for target in re.findall(r"\]\((?!http|#)([^)#]+)\)", (growing / "README.md").read_text()):
        assert (growing / target).exists(), target


def test_the_variables_of_other_backends_are_taken_as_they_are_written(growing):
    text = (growing / "README.md").read_text()
    rows = re.findall(r"^\| [^|]+ \| `(https?://[^`]+)` \| (?:`([^`]+)` )?\|$", text, re.MULTILINE)
    assert len(rows) == 4
    for row in rows:
        # A base64 text ends so.
        endpoint, headers = row[0].replace("<zone>", "eu"), re.sub(r"<[^>]+>", "a2V5==", row[1])
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_HEADERS": headers}
        settings = Settings.load({}, variables)
        assert settings.traces_url == f"{endpoint}/v1/traces"
        name, _, value = headers.partition("=")
        assert settings.otlp_headers == ({name: value} if headers else {})


def node_config(growing, tmp_path, number, ports):
    """Return the file of one NATS server of three on this machine, with other ports and folders."""
    text = (growing / "nats-cluster.conf").read_text()
    client, monitor, route = ports[number]
    text = text.replace("port: 4222", f'listen: "127.0.0.1:{client}"')
    text = text.replace("http_port: 8222", f'http: "127.0.0.1:{monitor}"')
    text = text.replace("port: 6222", f'listen: "127.0.0.1:{route}"')
    text = text.replace("/data", str(tmp_path / f"n{number}"))
    path = tmp_path / f"n{number}.conf"
    path.write_text(text)
    return path


@pytest.fixture
def running(tmp_path):
    """Start programs that end with the test."""
    with contextlib.ExitStack() as stack:

        def start(command, **environment):
            with (tmp_path / f"out-{len(command)}-{os.urandom(4).hex()}").open("wb") as out:
                process = subprocess.Popen(
                    [str(part) for part in command], env={**os.environ, **environment}, stdout=out, stderr=out
                )
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
            return process

        yield start


def asked(url, **options):
    """Return an answer's JSON, or None while nobody answers."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, **options), timeout=30) as answer:
            return json.loads(answer.read() or b"null")
    except (OSError, urllib.error.URLError):
        return None


@pytest.mark.prove
def test_three_nats_servers_make_a_cluster_that_elects_a_leader(
    growing, tmp_path, free_port, running, wait_for
):
    server = shutil.which("nats-server") or Path(sys.executable).with_name("nats-server")
    ports = [(free_port(), free_port(), free_port()) for _ in range(3)]
    routes = {
        f"NATS_ROUTE_{n + 1}": f"nats-route://cluster:secret1@127.0.0.1:{port[2]}"
        for n, port in enumerate(ports)
    }
    for number in range(3):
        config = node_config(growing, tmp_path, number, ports)
        running([server, "-c", config], NATS_NAME=f"n{number}", NATS_ROUTE_PASSWORD="secret1", **routes)

    def leader():
        found = asked(f"http://127.0.0.1:{ports[0][1]}/jsz")
        cluster = (found or {}).get("meta_cluster") or {}
        return cluster.get("leader") and cluster.get("cluster_size") == 3

    wait_for(leader, "a leader of three", within_s=60)


@pytest.mark.prove
def test_a_silence_reaches_the_other_alertmanager(tmp_path, free_port, running, wait_for):
    ports = [(free_port(), free_port()) for _ in range(2)]
    config = tmp_path / "alertmanager.yml"
    config.write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    for number, (web, gossip) in enumerate(ports):
        running(
            [
                program,
                f"--config.file={config}",
                f"--storage.path={tmp_path / str(number)}",
                f"--web.listen-address=127.0.0.1:{web}",
                f"--cluster.listen-address=127.0.0.1:{gossip}",
                f"--cluster.peer=127.0.0.1:{ports[1 - number][1]}",
            ]
        )
    first, second = (f"http://127.0.0.1:{web}/api/v2" for web, _ in ports)
    peers = lambda: len(((asked(f"{first}/status") or {}).get("cluster") or {}).get("peers") or []) == 2  # noqa: E731
    wait_for(peers, "two peers", within_s=60)
    now = dt.datetime.now(dt.UTC)
    silence = {
        "matchers": [{"name": "alertname", "value": "X", "isRegex": False}],
        "startsAt": now.isoformat(),
        "endsAt": (now + dt.timedelta(hours=1)).isoformat(),
        "createdBy": "test",
        "comment": "shared",
    }
    headers = {"Content-Type": "application/json"}
    assert asked(f"{first}/silences", data=json.dumps(silence).encode(), headers=headers)["silenceID"]
    wait_for(lambda: asked(f"{second}/silences"), "the silence at the other", within_s=60)


@pytest.fixture(scope="session")
def node_folder(growing, tmp_path_factory):
    """The Node example with its packages installed, outside the repository."""
    target = tmp_path_factory.mktemp("node") / "example"
    shutil.copytree(growing / "node", target, ignore=shutil.ignore_patterns("node_modules"))
    subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--silent"], cwd=target, check=True, timeout=300
    )
    return target


@pytest.fixture(params=["pino", "winston"])
def node(request, node_folder, tmp_path, running, wait_for):
    """A Node service that was asked three things; gives its lines and its metrics."""
    port, file = request.getfixturevalue("free_port")(), tmp_path / "lines.jsonl"
    running(["node", node_folder / "service.mjs", request.param, port, file])
    address = f"http://127.0.0.1:{port}"

    def get(path):
        headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
        with contextlib.suppress(urllib.error.HTTPError):
            return (
                urllib.request.urlopen(urllib.request.Request(address + path, headers=headers))
                .read()
                .decode()
            )
        return ""

    def is_up():
        with contextlib.suppress(OSError):
            return get("/livez") == "ok"
        return False

    wait_for(is_up, "the Node service", within_s=60)
    for path in ("/orders/7?secret=1", "/fail", "/nothing"):
        get(path)
    page = get("/metrics")
    wait_for(
        lambda: file.exists() and file.read_text().count("http.request") == 3, "three lines", within_s=60
    )
    return [json.loads(text) for text in file.read_text().splitlines()], page


@pytest.mark.prove
def test_node_lines_have_the_fields_of_ours(node, line):
    lines, _ = node
    for one in lines:
        assert line.keys() - {"order_id"} <= one.keys()
        assert one["level"] in {"debug", "info", "warning", "error", "critical"}
        assert dt.datetime.fromisoformat(one["timestamp"]).tzinfo is not None
        assert one["trace_id"] == TRACE
    access = {one["route"]: one for one in lines if one["event"] == "http.request"}
    assert {route: one["outcome"] for route, one in access.items()} == {
        "/orders/:id": "ok",
        "/fail": "server_error",
        "unmatched": "client_error",
    }
    assert access["/orders/:id"]["path"] == "/orders/7"
    failed = access["/fail"]["exception"]
    assert (failed["type"], failed["message"]) == ("Error", "no stock")
    assert failed["cause"]["message"] == "warehouse is closed"
    assert access["/fail"]["level"] == "error"
    assert not [one for one in lines if "hunter2" in str(one)]


@pytest.mark.prove
def test_node_metrics_have_the_names_labels_and_buckets_of_ours(node):
    _, page = node
    (family,) = [
        one for one in text_string_to_metric_families(page) if one.name == catalog.SERVER_DURATION.name
    ]
    buckets = [sample for sample in family.samples if sample.name.endswith("_bucket")]
    for sample in buckets:
        assert sample.labels.keys() - {"le"} == {"service_name", *catalog.SERVER_DURATION.labels}
    bounds = {float(sample.labels["le"]) for sample in buckets} - {float("inf")}
    assert bounds == set(catalog.SERVER_DURATION.buckets)
    assert any(sample.exemplar and sample.exemplar.labels == {"trace_id": TRACE} for sample in buckets)
    assert {sample.labels["outcome"] for sample in buckets} == {"ok", "client_error", "server_error"}
