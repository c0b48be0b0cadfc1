"""The rules' own tests notice when a rule is wrong: each change below must make one fail."""

import shutil

import pytest

_BURN = "availability.yaml"
_SLOW = "latency.yaml"
_BASE = "recording.yaml"
_WATCH = "watchers.yaml"

_MUTANTS = [
    pytest.param((_BURN, "14.4 * 0.001", "14.6 * 0.001", "windows"), id="a factor too high"),
    pytest.param((_BURN, "> 6 * 0.001", "> 5.8 * 0.001", "windows"), id="a factor too low"),
    pytest.param(
        (_BURN, 'increase1h{service_name="gateway"} >= 10', "increase1h >= 9", "availability"), id="floor"
    ),
    pytest.param((_BURN, "ratio_rate5m{", "ratio_rate1h{", "availability"), id="no short window"),
    pytest.param((_BURN, 'service_name="gateway"', 'service_name=~".+"', "availability"), id="causes page"),
    pytest.param((_BURN, "for: 2m", "for: 0m", "detection"), id="no wait"),
    pytest.param(
        (_BURN, "unless on (service_name) service:down_alerts:count", "", "availability"), id="dead service"
    ),
    pytest.param((_BURN, "> 0.05", "> 0.04", "availability"), id="cause too eager"),
    pytest.param((_SLOW, "3 * 0.01", "3.2 * 0.01", "windows"), id="a slow factor too high"),
    pytest.param((_SLOW, ">= 10", ">= 9", "latency"), id="slow floor"),
    pytest.param((_SLOW, "keep_firing_for: 5m", "keep_firing_for: 1h", "latency"), id="never ends"),
    pytest.param((_BASE, ', outcome!="aborted"', "", "recording"), id="aborted requests have a speed"),
    pytest.param((_BASE, "server_error", "client_error", "recording"), id="the caller's errors count"),
    pytest.param((_BASE, " > 0)", ")", "recording"), id="silence has a ratio"),
    pytest.param((_BASE, "sum by (service_name)", "sum", "recording"), id="services mixed"),
    pytest.param((_WATCH, "for: 2m", "for: 5m", "watchers"), id="a dead service waits"),
    pytest.param((_WATCH, "< 0.9", "< 1", "watchers"), id="a rolling update"),
    pytest.param(
        (_WATCH, "max by (service_name)", "min by (service_name)", "watchers"), id="one replica pages"
    ),
    pytest.param((_WATCH, "[1h]", "[10m]", "watchers"), id="a short memory"),
    pytest.param((_WATCH, "TargetDown|ServiceAbsent", "TargetUp", "watchers"), id="the dead go unnoticed"),
]


@pytest.mark.prove
@pytest.mark.parametrize("mutant", _MUTANTS)
def test_a_wrong_rule_fails_the_tests_of_its_topic(run, alerts_dir, tmp_path, mutant):
    file, right, wrong, topic = mutant
    copy = tmp_path / "alerts"
    shutil.copytree(alerts_dir, copy)
    text = (copy / file).read_text()
    assert right in text
    (copy / file).write_text(text.replace(right, wrong))
    code, said = run("promtool", "check", "rules", copy / file)
    assert code == 0, said

    code, said = run("promtool", "test", "rules", copy / "tests" / f"{topic}.test.yaml")

    assert code == 1, said
    assert "FAILED" in said
