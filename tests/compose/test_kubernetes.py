"""The manifests for Kubernetes: valid by its own schemas, and the same services, rules and boards."""

import json

import kubernetes_validate
import pytest
import yaml

from obskit._assets import asset
from obskit.rules import rule_paths
from obskit.stack import kubernetes

IMAGE = "registry.example.com/obskit-sample:1.4"
VERSION = "1.33.0"
OPERATOR = {"ServiceMonitor", "PrometheusRule"}  # the operator's own kinds; its schemas are no package


@pytest.fixture(scope="module")
def made():
    return kubernetes.manifests(IMAGE)


def of_kind(made, kind):
    return {one["metadata"]["name"]: one for one in made.values() if one["kind"] == kind}


def test_every_manifest_of_kubernetes_is_valid_and_has_no_unknown_key(made):
    checked = [one for one in made.values() if one["kind"] not in OPERATOR]
    assert {one["kind"] for one in checked} >= {"Deployment", "Service", "PodDisruptionBudget", "ConfigMap"}
    for one in checked:
        kubernetes_validate.validate(one, VERSION, strict=True)


def test_a_mistake_would_be_found(made):
    broken = json.loads(json.dumps(made["gateway-deployment.yaml"]))
    broken["spec"]["template"]["spec"]["containers"][0]["livenessprobe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, VERSION, strict=True)


def test_the_command_writes_what_kustomize_reads(tmp_path, capsys, made):
    assert kubernetes.main([str(tmp_path / "k8s"), "--image", IMAGE, "--namespace", "shop"]) == 0
    listed = yaml.safe_load((tmp_path / "k8s" / "kustomization.yaml").read_text())
    assert listed["namespace"] == "shop"
    assert listed["resources"] == sorted(made)
    for name in listed["resources"]:
        assert yaml.safe_load((tmp_path / "k8s" / name).read_text()) == made[name]
    assert "kubectl apply -k" in capsys.readouterr().out


def test_rules_and_boards_are_those_of_the_other_backends(made):
    rules = of_kind(made, "PrometheusRule")
    for path in rule_paths():
        shipped = yaml.safe_load(path.read_text())
        assert rules[f"obskit-{path.stem}"]["spec"] == shipped
    boards = of_kind(made, "ConfigMap")
    for path in (asset("dashboards") / "json").glob("*.json"):
        assert boards[f"obskit-board-{path.stem}"]["data"] == {path.name: path.read_text()}


def test_a_board_fits_into_a_config_map(made):
    assert all(len(str(one)) < 1_000_000 for one in of_kind(made, "ConfigMap").values())


def test_services_run_what_compose_runs_with_its_memory(made, parsed):
    for name, one in of_kind(made, "Deployment").items():
        (container,) = one["spec"]["template"]["spec"]["containers"]
        assert container["args"] == parsed["services"][name]["command"]
        assert container["resources"]["limits"][
            "memory"
        ] == f"{parsed['services'][name]['mem_limit']}i".replace("mi", "Mi")


def test_a_rolling_update_has_a_ready_pod_before_an_old_one_goes(made):
    for name, one in of_kind(made, "Deployment").items():
        if name in kubernetes.ALONE:
            assert one["spec"]["strategy"] == {"type": "Recreate"}
            continue
        assert one["spec"]["replicas"] == 2
        assert one["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
        assert of_kind(made, "PodDisruptionBudget")[name]["spec"]["minAvailable"] == 1


def test_probes_ask_what_a_service_answers_and_draining_fits_into_the_grace(made):
    for one in of_kind(made, "Deployment").values():
        pod = one["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
        assert container["startupProbe"]["httpGet"]["path"] == "/livez"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        environment = {pair["name"]: pair.get("value") for pair in container["env"]}
        # draining, then uvicorn's grace, then the flush
        assert int(environment["OBSKIT_DRAIN_S"]) + 5 + 5 < pod["terminationGracePeriodSeconds"]


def test_a_pod_is_confined(made):
    for one in of_kind(made, "Deployment").values():
        pod = one["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_faults_cannot_be_switched_and_no_secret_is_in_a_manifest(made):
    for one in of_kind(made, "Deployment").values():
        (container,) = one["spec"]["template"]["spec"]["containers"]
        names = {pair["name"] for pair in container["env"]}
        assert not [name for name in names if "FAULTS" in name]
        assert all(
            pair["value"].startswith("/run/secrets/")
            for pair in container["env"]
            if "PASSWORD" in pair["name"]
        )


def test_a_target_has_the_label_of_its_pages(made):
    monitors = of_kind(made, "ServiceMonitor")
    assert set(monitors) == set(kubernetes.SERVICES)
    for one in monitors.values():
        (endpoint,) = one["spec"]["endpoints"]
        assert endpoint["honorLabels"] is True
        assert endpoint["relabelings"][0]["targetLabel"] == "service_name"
