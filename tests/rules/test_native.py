import pytest
import yaml

from obskit._assets import asset
from obskit.errors import ConfigError
from obskit.rules import load_rules, rule_paths, write_native

_PAGER = "http://127.0.0.1:9601"
_KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def written(tmp_path):
    def write(**changes):
        key_file = tmp_path / "secrets" / "routing_key"
        key_file.parent.mkdir(exist_ok=True)
        key_file.write_text(_KEY)
        settings = {
            "factor": 60,
            "scrape_interval_s": 1,
            "pager_url": _PAGER,
            "routing_key_file": key_file,
            "board_url": None,
        }
        return write_native(tmp_path / "home" / "rules", **settings | changes)

    return write


def test_copies_at_factor_one_have_the_committed_content(written):
    native = written(
        factor=1, pager_url="http://127.0.0.1:8601", board_url="http://127.0.0.1:3000", boards="grafana"
    )

    assert [path.name for path in native.rule_files] == [path.name for path in rule_paths()]
    for copy, path in zip(native.rule_files, rule_paths(), strict=True):
        assert yaml.safe_load(copy.read_text()) == load_rules(path)


@pytest.mark.parametrize("factor", [1, 1.7, 60, 5000])
def test_promtool_and_amtool_accept_the_copies(run, written, factor):
    native = written(factor=factor)

    code, said = run("promtool", "check", "rules", "--lint=all", "--lint-fatal", *native.rule_files)
    assert code == 0, said
    code, said = run("amtool", "check-config", native.alertmanager)
    assert code == 0, said


def test_alertmanager_is_sent_to_the_pager_with_the_key_left_in_its_file(written, tmp_path):
    native = written()
    receivers = {one["name"]: one for one in yaml.safe_load(native.alertmanager.read_text())["receivers"]}
    pagerduty = receivers["pager"]["pagerduty_configs"][0]

    assert pagerduty["url"] == f"{_PAGER}/v2/enqueue"
    assert pagerduty["routing_key_file"] == str(tmp_path / "secrets" / "routing_key")
    assert receivers["heartbeat"]["webhook_configs"][0]["url"] == f"{_PAGER}/v1/heartbeat"
    assert all(_KEY not in path.read_text() for path in native.alertmanager.parent.iterdir())


def test_links_lead_to_the_pager_and_the_boards_of_this_machine(written):
    native = written(board_url="http://127.0.0.1:9300/")

    for path in native.rule_files:
        text = path.read_text()
        assert "127.0.0.1:8601" not in text
        assert "127.0.0.1:3000" not in text
    burn = _burn(native)
    assert burn["runbook_url"] == f"{_PAGER}/runbooks/AvailabilityBudgetBurn"
    assert burn["dashboard_url"].startswith("http://127.0.0.1:9300/d/obskit-service?var-service={{ $labels.")
    assert burn["logs_url"] == (
        "http://127.0.0.1:9300/logs?query=%7Bservice_name%3D%22{{ $labels.service_name }}%22%7D%20%7C%20json"
        "%20%7C%20event%3D%22http.request%22%20%7C%20outcome%3D%22server_error%22&from=now-1h"
    )


def test_a_grafana_keeps_its_own_links_to_logs(written):
    native = written(board_url="http://127.0.0.1:9300", boards="grafana")

    assert _burn(native)["logs_url"].startswith("http://127.0.0.1:9300/explore?")


def _burn(native):
    (path,) = [path for path in native.rule_files if path.name == "objectives.yaml"]
    groups = yaml.safe_load(path.read_text())["groups"]
    return next(rule["annotations"] for group in groups for rule in group["rules"] if "alert" in rule)


def test_links_to_boards_are_left_out_where_no_board_server_runs(written):
    for path in written().rule_files:
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                assert "dashboard_url" not in rule.get("annotations", {})
                assert "logs_url" not in rule.get("annotations", {})
                assert "alert" not in rule or rule["annotations"]["runbook_url"].startswith(_PAGER)


def test_writing_again_replaces_the_copies_and_leaves_nothing_beside_them(written):
    written()
    native = written(factor=7)

    assert "time scale 7;" in native.alertmanager.read_text()
    assert sorted(native.alertmanager.parent.iterdir()) == sorted([*native.rule_files, native.alertmanager])


def test_a_long_expression_stays_readable(written):
    assert "expr: |\n" in written().rule_files[0].read_text()


@pytest.mark.parametrize("url", ["127.0.0.1:8601", "ftp://127.0.0.1", "http://", ""])
def test_refuses_an_address_that_is_none(written, url):
    with pytest.raises(ConfigError, match=r"is not accepted; use one such as http://127.0.0.1:8601"):
        written(pager_url=url)


def test_the_committed_files_hold_no_address_that_the_copies_would_keep():
    """Each address is one that write_native knows, so none is left pointing elsewhere."""
    known = ("http://127.0.0.1:8601/", "http://127.0.0.1:3000/", "http://pager:8601/")
    for path in [*rule_paths(), asset("alerts", "alertmanager.yml")]:
        for word in path.read_text().replace('"', " ").split():
            assert "://" not in word or word.startswith(known), f"{path.name}: {word}"
