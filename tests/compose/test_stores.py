"""Loki, Tempo, Alloy and NATS: the settings without which they lose, keep or hide too much."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from obskit.stack._stores import _unfit

TEXT, NUMBER, SWITCH = {"type": "string"}, {"type": "integer", "minimum": 1}, {"type": "boolean"}
TIME = {"type": "string", "pattern": r"^\d+(ms|s|m|h)$"}
LEVEL = {"enum": ["debug", "info", "warn", "error"]}
TEXTS = {"type": "array", "items": TEXT}
ADDRESS = {"endpoint": {"type": "string", "pattern": r"^0\.0\.0\.0:\d+$"}}


def closed(keys):
    """Return a schema that knows *keys* and no others, at any depth."""
    properties = {name: one if "type" in one or "enum" in one else closed(one) for name, one in keys.items()}
    return {"type": "object", "properties": properties, "additionalProperties": False}


PERIOD = {
    "from": {"type": "string", "format": "date"},
    "store": {"enum": ["tsdb"]},
    "schema": {"enum": ["v13"]},
    "object_store": {"enum": ["filesystem", "s3"]},
    "index": {"prefix": TEXT, "period": {"enum": ["24h"]}},
}
LOKI = {
    "auth_enabled": SWITCH,
    "server": {"http_listen_port": NUMBER, "grpc_listen_port": NUMBER, "log_level": LEVEL},
    "memberlist": {"join_members": TEXTS},
    "common": {
        "instance_addr": TEXT,
        "path_prefix": TEXT,
        "replication_factor": NUMBER,
        "compactor_grpc_address": TEXT,
        "ring": {"kvstore": {"store": {"enum": ["inmemory", "memberlist"]}}},
        "storage": {"filesystem": {"chunks_directory": TEXT, "rules_directory": TEXT}},
    },
    "storage_config": {
        "use_thanos_objstore": SWITCH,
        "object_store": {"s3": {"bucket_name": TEXT, "region": TEXT}},
    },
    "schema_config": {"configs": {"type": "array", "items": closed(PERIOD), "minItems": 1}},
    "ingester": {"lifecycler": {"min_ready_duration": TIME}},
    "limits_config": {
        "retention_period": TIME,
        "allow_structured_metadata": SWITCH,
        "volume_enabled": SWITCH,
        "discover_log_levels": SWITCH,
        "discover_service_name": TEXTS,
    },
    "compactor": {
        "working_directory": TEXT,
        "retention_enabled": SWITCH,
        "horizontal_scaling_mode": TEXT,
        "delete_request_store": {"enum": ["filesystem", "s3"]},
    },
    "analytics": {"reporting_enabled": SWITCH},
}
"""Each key of Loki that was looked up, with what it may be; a new one belongs here once it was looked up too."""
TEMPO = {
    "server": {"http_listen_port": NUMBER, "log_level": LEVEL},
    "distributor": {"receivers": {"otlp": {"protocols": {"grpc": ADDRESS, "http": ADDRESS}}}},
    "storage": {"trace": {"backend": {"enum": ["local"]}, "wal": {"path": TEXT}, "local": {"path": TEXT}}},
    "metrics_generator": {
        "registry": {"external_labels": {"source": TEXT}},
        "storage": {
            "path": TEXT,
            "remote_write": {"type": "array", "items": closed({"url": TEXT, "send_exemplars": SWITCH})},
        },
        "processor": {
            "service_graphs": {
                "enable_messaging_system_latency_histogram": SWITCH,
                "wait": TIME,
                "histogram_buckets": {"type": "array", "items": {"type": "number"}, "uniqueItems": True},
            }
        },
    },
    "query_frontend": {"query_end_cutoff": TIME},
    "overrides": {
        "defaults": {
            "metrics_generator": {
                "processors": {"type": "array", "items": {"enum": ["service-graphs", "span-metrics"]}}
            },
            "compaction": {"block_retention": TIME},
        }
    },
    "usage_report": {"reporting_enabled": SWITCH},
}
"""The same of Tempo."""
FILES = {"loki/loki.yaml": LOKI, "growing/loki-ha.yaml": LOKI, "tempo/tempo.yaml": TEMPO}
VERIFY = {"loki": "-verify-config", "tempo": "-config.verify=true"}
INSTALLED = [
    (program, found) for program in VERIFY if (found := shutil.which(program)) and not _unfit(program, found)
]
"""Debian's loki is another program."""


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


@pytest.mark.parametrize("path", FILES)
def test_a_store_has_no_key_that_nobody_looked_up_and_no_value_of_another_kind(configs, path):
    jsonschema.validate(configs(path), closed(FILES[path]))


@pytest.mark.parametrize(
    ("path", "right", "wrong"),
    [
        ("loki/loki.yaml", "retention_enabled:", "retention_enable:"),
        ("loki/loki.yaml", "retention_period: 168h", "retention_period: 168"),
        ("tempo/tempo.yaml", "block_retention:", "block_retentions:"),
        ("tempo/tempo.yaml", "[service-graphs, span-metrics]", "[service-graph]"),
    ],
)
def test_a_mistake_in_a_file_would_be_found(folder, path, right, wrong):
    text = (folder / path).read_text()
    assert right in text
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(text.replace(right, wrong)), closed(FILES[path]))


if INSTALLED:  # else there is no such test: what is tested above is all that is known

    @pytest.mark.parametrize(("program", "found"), INSTALLED)
    def test_an_installed_store_accepts_its_file(folder, program, found):
        path = folder / program / f"{program}.yaml"
        done = subprocess.run(
            [found, f"-config.file={path}", VERIFY[program]], capture_output=True, text=True, check=False
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
