"""Loki, Tempo, Alloy and NATS: the settings without which they lose, keep or hide too much."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from obskit.stack._stores import _unfit


@pytest.fixture
def loki(configs):
    return configs("loki/loki.yaml")


@pytest.fixture
def tempo(configs):
    return configs("tempo/tempo.yaml")


@pytest.fixture
def alloy(folder):
    return (folder / "alloy" / "config.alloy").read_text()


def block(text, name):
    """Return what is between the braces of one block of Alloy's language, without comments."""
    plain = re.sub(r"//.*", "", text)
    start = plain.index("{", plain.index(name))
    depth = 0
    for place in range(start, len(plain)):
        depth += {"{": 1, "}": -1}.get(plain[place], 0)
        if depth == 0:
            return plain[start + 1 : place]
    raise AssertionError(name)


def test_loki_deletes_what_is_too_old(loki):
    assert loki["limits_config"]["retention_period"] == "168h"
    assert loki["compactor"]["retention_enabled"] is True
    assert loki["compactor"]["delete_request_store"] == "filesystem"
    (schema,) = loki["schema_config"]["configs"]
    assert schema["index"]["period"] == "24h"


def test_loki_has_the_labels_of_the_lines_and_no_more(loki):
    assert loki["limits_config"]["discover_log_levels"] is False
    assert loki["limits_config"]["discover_service_name"] == []
    assert loki["limits_config"]["allow_structured_metadata"] is True


def test_loki_has_no_key_that_the_next_version_refuses(loki):
    (schema,) = loki["schema_config"]["configs"]
    assert (schema["store"], schema["schema"]) == ("tsdb", "v13")
    assert not {"table_manager", "chunk_store_config"} & loki.keys()
    assert loki["analytics"]["reporting_enabled"] is False


def test_state_is_below_the_volume_of_its_server(loki, tempo, parsed):
    assert loki["common"]["path_prefix"] == "/loki"
    for path in (
        tempo["storage"]["trace"]["wal"]["path"],
        tempo["storage"]["trace"]["local"]["path"],
        tempo["metrics_generator"]["storage"]["path"],
    ):
        assert path.startswith("/var/tempo/")
    assert "alloy-data:/var/lib/alloy/data" in parsed["services"]["alloy"]["volumes"]
    assert "--storage.path=/var/lib/alloy/data" in parsed["services"]["alloy"]["command"]


def test_tempo_takes_spans_from_other_containers(tempo):
    protocols = tempo["distributor"]["receivers"]["otlp"]["protocols"]
    assert protocols["http"]["endpoint"] == "0.0.0.0:4318"
    assert protocols["grpc"]["endpoint"] == "0.0.0.0:4317"


def test_tempo_3_would_start_and_deletes_what_is_too_old(tempo):
    assert not {"ingester", "ingester_client", "compactor", "metrics_generator_client"} & tempo.keys()
    assert tempo["overrides"]["defaults"]["compaction"]["block_retention"] == "48h"
    assert tempo["query_frontend"]["query_end_cutoff"] == "0s"
    assert tempo["usage_report"]["reporting_enabled"] is False


def test_tempo_writes_the_service_graph_with_the_time_in_queues(tempo, parsed):
    generator = tempo["metrics_generator"]
    assert tempo["overrides"]["defaults"]["metrics_generator"]["processors"] == [
        "service-graphs",
        "span-metrics",
    ]
    graphs = generator["processor"]["service_graphs"]
    assert graphs["enable_messaging_system_latency_histogram"] is True
    assert graphs["wait"] == "60s"
    (write,) = generator["storage"]["remote_write"]
    assert write == {"url": "http://prometheus:9090/api/v1/write", "send_exemplars": True}
    assert "--web.enable-remote-write-receiver" in parsed["services"]["prometheus"]["command"]


def test_span_metrics_get_no_labels_that_they_have_anyway(tempo):
    assert "span_metrics" not in tempo["metrics_generator"]["processor"]


def test_alloy_reads_the_files_that_the_services_write(alloy, parsed, python_services):
    assert '"/var/log/obskit/**/*.jsonl"' in block(alloy, "local.file_match")
    for one in python_services.values():
        assert "service-logs:/var/log/obskit" in one["volumes"]
    assert "service-logs:/var/log/obskit:ro" in parsed["services"]["alloy"]["volumes"]


def test_alloy_starts_after_the_service_that_gives_the_volume_its_owner(parsed):
    assert parsed["services"]["alloy"]["depends_on"]["pager"] == {"condition": "service_healthy"}
    assert parsed["services"]["alloy"]["user"].split(":")[1] == "10001"


def test_alloy_makes_three_labels_and_puts_the_trace_beside_them(alloy):
    process = block(alloy, 'loki.process "services"')
    labels = re.findall(r"^\s*(\w+)\s*=", block(block(process, "stage.labels"), "values"), re.MULTILINE)
    assert labels == ["service_name", "environment", "level"]
    assert re.findall(r'"(\w+)"', block(process, "stage.label_keep")) == labels
    assert re.findall(r'= "(\w+)"', block(process, "stage.structured_metadata")) == ["trace_id"]


def test_alloy_waits_for_loki_rather_than_drop_lines(alloy):
    endpoint = block(block(alloy, 'loki.write "loki"'), "endpoint")
    retries = int(re.search(r"max_backoff_retries = (\d+)", endpoint)[1])
    assert 'max_backoff_period  = "30s"' in endpoint
    assert retries * 30 > 3600
    assert "tail_from_end = false" in block(alloy, "loki.source.file")


def test_a_line_that_is_not_json_belongs_to_the_service_of_its_file(alloy):
    (expression,) = re.findall(r'expression = "(.*)"', block(alloy, "stage.regex"))
    found = re.search(expression.replace("\\\\", "\\"), "/var/log/obskit/gateway.7.jsonl")
    assert found["service"] == "gateway"


def test_alloy_takes_the_time_of_the_line(alloy):
    assert 'format = "RFC3339Nano"' in block(alloy, "stage.timestamp")


@pytest.mark.parametrize(
    ("program", "verify"), [("loki", "-verify-config"), ("tempo", "-config.verify=true")]
)
def test_a_store_accepts_its_file_where_its_program_is_installed(folder, program, verify):
    """Where it is not, what is tested above is all that is known. Debian's loki is another program."""
    found = shutil.which(program)
    if found is None or _unfit(program, found):
        return
    path = folder / program / f"{program}.yaml"
    done = subprocess.run(
        [found, f"-config.file={path}", verify], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_nats_accepts_its_file_and_cannot_fill_the_disk(folder):
    server = shutil.which("nats-server") or Path(sys.executable).with_name("nats-server")
    path = folder / "nats" / "nats.conf"
    done = subprocess.run([server, "-t", "-c", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(
        r'store_dir: "/data"\s+max_memory_store: \d+MB\s+max_file_store: \d+MB', path.read_text()
    )
