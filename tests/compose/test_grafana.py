import configparser
import json
import re

import pytest

from obskit import catalog
from obskit._assets import asset
from obskit.boards import boards

PROVISIONING = "grafana/provisioning"


@pytest.fixture
def sources(configs):
    listed = configs(f"{PROVISIONING}/datasources/datasources.yaml")["datasources"]
    return {source["uid"]: source for source in listed}


@pytest.fixture
def settings(folder):
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(folder / "grafana" / "grafana.ini")
    return parser


def uids_in(value):
    """Every uid of a data source that a setting names, at any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in {"datasourceUid", "alertmanagerUid"}:
                yield inner
            yield from uids_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from uids_in(inner)


def unescaped(text):
    """What is left when Grafana has filled in its environment."""
    return text.replace("$$", "\0").replace("\0", "$")


def test_the_four_stores_have_fixed_uids_and_no_edits(sources):
    assert {uid: source["type"] for uid, source in sources.items()} == {
        "prometheus": "prometheus",
        "loki": "loki",
        "tempo": "tempo",
        "alertmanager": "alertmanager",
    }
    assert not any(source["editable"] for source in sources.values())
    assert [uid for uid, source in sources.items() if source.get("isDefault")] == ["prometheus"]


def test_every_uid_that_a_source_names_is_provisioned(sources):
    named = set(uids_in(list(sources.values())))
    assert named == {"prometheus", "loki", "tempo", "alertmanager"}
    assert named <= sources.keys()


def test_addresses_are_services_and_their_ports(sources, parsed, configs):
    ports = {
        "prometheus": 9090,
        "alertmanager": 9093,
        "loki": configs("loki/loki.yaml")["server"]["http_listen_port"],
        "tempo": configs("tempo/tempo.yaml")["server"]["http_listen_port"],
    }
    for uid, source in sources.items():
        assert source["url"] == f"http://{uid}:{ports[uid]}"
        assert uid in parsed["services"]


def test_the_rate_interval_follows_the_scrape_interval(sources, configs):
    scraped = configs("prometheus/prometheus.yml")["global"]["scrape_interval"]
    assert sources["prometheus"]["jsonData"]["timeInterval"] == scraped


def test_metric_to_trace(sources):
    (link,) = sources["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]
    assert (link["name"], link["datasourceUid"]) == ("trace_id", "tempo")


def test_log_to_trace_by_metadata_and_by_the_line_itself(sources):
    by_label, by_line = sources["loki"]["jsonData"]["derivedFields"]
    assert (by_label["matcherType"], by_label["matcherRegex"]) == ("label", "trace_id")
    trace = "0af7651916cd43dd8448eb211c80319c"
    found = re.search(by_line["matcherRegex"], json.dumps({"event": "http.request", "trace_id": trace}))
    assert found[1] == trace
    assert {unescaped(one["url"]) for one in (by_label, by_line)} == {"${__value.raw}"}


def test_trace_to_logs_asks_for_the_trace_and_five_minutes_around_it(sources):
    link = sources["tempo"]["jsonData"]["tracesToLogsV2"]
    assert (link["spanStartTimeShift"], link["spanEndTimeShift"]) == ("-5m", "5m")
    assert unescaped(link["query"]) == '{${__tags}} | trace_id = "${__trace.traceId}"'
    assert link["customQuery"] is True
    assert link["tags"] == [{"key": "service.name", "value": "service_name"}]


def test_trace_to_metrics_asks_for_metrics_that_exist(sources):
    link = sources["tempo"]["jsonData"]["tracesToMetrics"]
    assert link["tags"] == [{"key": "service.name", "value": catalog.SERVICE_LABEL}]
    for query in link["queries"]:
        assert catalog.SERVER_DURATION.name in query["query"]
        assert "{$__tags" in unescaped(query["query"])
        assert "[$__rate_interval]" in unescaped(query["query"])


def test_the_service_map_reads_what_tempo_writes(sources):
    assert sources["tempo"]["jsonData"]["serviceMap"] == {"datasourceUid": "prometheus"}
    assert sources["tempo"]["jsonData"]["nodeGraph"] == {"enabled": True}


def test_alertmanager_is_shown_as_what_it_is(sources):
    assert sources["alertmanager"]["jsonData"]["implementation"] == "prometheus"


def test_a_source_that_exists_under_another_uid_is_replaced(configs, sources):
    deleted = configs(f"{PROVISIONING}/datasources/datasources.yaml")["deleteDatasources"]
    assert {one["name"] for one in deleted} == {source["name"] for source in sources.values()}


def test_every_board_is_loaded_and_cannot_be_changed_in_the_browser(configs, parsed):
    provider, own = configs(f"{PROVISIONING}/dashboards/dashboards.yaml")["providers"]
    mine = "./grafana/boards"  # or BOARDS_DIR
    assert f"{mine}:{own['options']['path']}:ro" in parsed["services"]["grafana"]["volumes"]
    assert f"{mine}:/var/lib/obskit/boards:ro" in parsed["services"]["console"]["volumes"]
    assert (asset("compose") / "grafana" / "boards").is_dir()
    assert provider["allowUiUpdates"] is False
    assert provider["disableDeletion"] is True
    mounted = [
        volume
        for volume in parsed["services"]["grafana"]["volumes"]
        if volume.startswith("../dashboards/json:")
    ]
    assert mounted == [f"../dashboards/json:{provider['options']['path']}:ro"]
    committed = {path.name for path in (asset("dashboards") / "json").glob("*.json")}
    assert committed == {f"{board.name}.json" for board in boards()}


def test_every_source_that_a_board_can_choose_is_provisioned(sources):
    types = {source["type"] for source in sources.values()}
    for path in (asset("dashboards") / "json").glob("*.json"):
        board = json.loads(path.read_text())
        chosen = [one["query"] for one in board["templating"]["list"] if one["type"] == "datasource"]
        assert chosen
        assert set(chosen) <= types


def test_the_first_page_is_a_board(settings, parsed):
    path = settings["dashboards"]["default_home_dashboard_path"]
    assert (asset("dashboards") / "json" / path.removeprefix("/etc/grafana/dashboards/")).is_file()
    assert "./grafana/grafana.ini:/etc/grafana/grafana.ini:ro" in parsed["services"]["grafana"]["volumes"]


def test_nobody_gets_in_without_a_password_and_none_is_typed(settings, parsed):
    security = settings["security"]
    mounted = parsed["services"]["grafana"]["secrets"]
    for key, secret in (("admin_password", "grafana_admin_password"), ("secret_key", "grafana_secret_key")):
        assert security[key] == f"$__file{{/run/secrets/{secret}}}"
        assert secret in mounted
    assert settings["auth.anonymous"]["enabled"] == "false"
    assert settings["auth.anonymous"]["org_role"] == "Viewer"
    assert settings["users"]["allow_sign_up"] == "false"


def test_nothing_is_fetched_at_start(settings, parsed):
    assert settings["plugins"]["preinstall_disabled"] == "true"
    assert settings["plugins"]["preinstall_auto_update"] == "false"
    assert settings["analytics"]["reporting_enabled"] == "false"
    assert settings["analytics"]["check_for_updates"] == "false"
    assert settings["analytics"]["check_for_plugin_updates"] == "false"
    assert not parsed["services"]["grafana"].get("environment")
