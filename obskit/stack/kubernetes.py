"""``python -m obskit.stack.kubernetes DIR``: the sample services, rules and boards for Kubernetes, as Kustomize reads them.

Everything is made from the files that the other two ways use: services, ports and memory from
``compose/compose.yaml``, rules from ``alerts/``, boards from ``dashboards/json``. Nothing is
kept in the repository, so nothing can differ from them.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from obskit._assets import asset
from obskit.rules import rule_paths
from obskit.stack._files import write_atomic

__all__ = ["main", "manifests"]

SERVICES = ("gateway", "users", "orders", "inventory", "payments", "notifications")
ALONE = frozenset({"users"})
"""Services that keep files of their own and so run once."""

_REPLICAS = 2
_USER = 10_001
_DRAIN_S = 5  # the time that a cluster takes to stop sending requests to a pod that says it is not ready
_GRACE_S = 20
_PART_OF = {"app.kubernetes.io/part-of": "obskit"}
# Only for containers on one machine: files that an agent tails, faults, the door's address.
_LEFT_OUT = {
    "OBSKIT_LOG_MAX_BYTES",
    "OBSKIT_LOG_BACKUPS",
    "OBSKIT_FAULTS_TOKEN_FILE",
    "OBSKIT_FAULTS_FROM",
    "UVICORN_HOST",
}
_SECRETS = {"DATABASE_PASSWORD_FILE": "database_password", "CACHE_PASSWORD_FILE": "redis_password"}

Manifest = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the manifests into a folder; return the exit code."""
    options = _options(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    made = manifests(options.image)
    for name, content in made.items():
        write_atomic(options.folder / name, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    kustomization = _kustomization(options.namespace, sorted(made))
    write_atomic(options.folder / "kustomization.yaml", yaml.safe_dump(kustomization, sort_keys=False))
    sys.stdout.write(f"{len(made)} manifests; next: kubectl apply -k {options.folder}\n")
    return 0


def manifests(image: str) -> dict[str, Manifest]:
    """Return every manifest by its file name; *image* is what the services run."""
    compose = yaml.safe_load(asset("compose", "compose.yaml").read_text("utf-8"))["services"]
    made: dict[str, Manifest] = {}
    for name in SERVICES:
        for one in _service(name, compose[name], image):
            made[f"{name}-{one['kind'].lower()}.yaml"] = one
    for path in rule_paths():
        made[f"rules-{path.stem}.yaml"] = _rules(path)
    for path in sorted(asset("dashboards", "json").glob("*.json")):
        made[f"board-{path.stem}.yaml"] = _board(path)
    return made


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m obskit.stack.kubernetes",
        description="Write manifests of the sample services, the rules and the boards for Kustomize.",
        epilog="example: python -m obskit.stack.kubernetes k8s --image registry.example.com/orders:1.4",
    )
    parser.add_argument("folder", type=Path, help="folder to write into; what has the same name is replaced")
    parser.add_argument("--image", required=True, help="image of compose/sample.Dockerfile in your registry")
    parser.add_argument("--namespace", default="obskit", help="namespace (default %(default)s)")
    return parser.parse_args(arguments)


def _kustomization(namespace: str, resources: Sequence[str]) -> Manifest:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": namespace,
        "resources": list(resources),
    }


def _head(api: str, kind: str, name: str, labels: Mapping[str, str] | None = None) -> Manifest:
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": name, "labels": {**_PART_OF, **(labels or {})}},
    }


def _service(name: str, compose: Mapping[str, Any], image: str) -> Iterator[Manifest]:
    named = {"app.kubernetes.io/name": name}
    port = _port(compose["command"])
    replicas = 1 if name in ALONE else _REPLICAS
    yield {
        **_head("apps/v1", "Deployment", name, named),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": named},
            "strategy": _strategy(name),
            "template": {
                "metadata": {"labels": {**_PART_OF, **named}},
                "spec": _pod(name, compose, image, port),
            },
        },
    }
    yield {
        **_head("v1", "Service", name, named),
        "spec": {"selector": named, "ports": [{"name": "http", "port": port, "targetPort": "http"}]},
    }
    yield {**_head("monitoring.coreos.com/v1", "ServiceMonitor", name, named), "spec": _monitor(named)}
    if replicas > 1:
        budget = {"minAvailable": 1, "selector": {"matchLabels": named}}
        yield {**_head("policy/v1", "PodDisruptionBudget", name, named), "spec": budget}
    if name in ALONE:
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "100Mi"}}}
        yield {**_head("v1", "PersistentVolumeClaim", name, named), "spec": claim}


def _strategy(name: str) -> Manifest:
    if name in ALONE:  # its volume can be mounted once
        return {"type": "Recreate"}
    # A new pod is ready before an old one goes.
    return {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}


def _pod(name: str, compose: Mapping[str, Any], image: str, port: int) -> Manifest:
    state: list[Manifest] = [{"name": "secrets", "secret": {"secretName": "obskit"}}]
    mounts = [
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a folder of the container
        {"name": "secrets", "mountPath": "/run/secrets", "readOnly": True},
    ]
    if name in ALONE:
        state.append({"name": "state", "persistentVolumeClaim": {"claimName": name}})
        mounts.append({"name": "state", "mountPath": "/var/lib/obskit/secrets"})
    return {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": _GRACE_S,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {"app.kubernetes.io/name": name}},
            }
        ],
        "containers": [{**_container(name, compose, image, port), "volumeMounts": mounts}],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}, *state],
    }


def _container(name: str, compose: Mapping[str, Any], image: str, port: int) -> Manifest:
    memory = f"{int(compose['mem_limit'].removesuffix('m'))}Mi"
    return {
        "name": name,
        "image": image,
        "args": list(compose["command"]),
        "ports": [{"name": "http", "containerPort": port}],
        "env": _environment(compose["environment"]),
        "startupProbe": _probe("/livez", every_s=1, failures=30),
        "livenessProbe": _probe("/livez", every_s=10, failures=3),
        "readinessProbe": _probe("/readyz", every_s=2, failures=2),
        # No limit of processor time: it makes slow what is only busy.
        "resources": {"requests": {"cpu": "100m", "memory": memory}, "limits": {"memory": memory}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def _environment(compose: Mapping[str, str]) -> list[Manifest]:
    values = {name: value for name, value in compose.items() if name not in _LEFT_OUT}
    values |= {name: f"/run/secrets/{secret}" for name, secret in _SECRETS.items() if name in values}
    values |= {
        "OBSKIT_ENVIRONMENT": "production",
        "OBSKIT_DRAIN_S": str(_DRAIN_S),
        "OBSKIT_LOG_DIR": "",  # lines go to stdout, where the agent of the node reads them
        "UVICORN_HOST": "0.0.0.0",  # noqa: S104 - the address of the pod
    }
    pod = {"fieldRef": {"fieldPath": "metadata.name"}}
    return [
        {"name": "POD_NAME", "valueFrom": pod},
        {"name": "OTEL_RESOURCE_ATTRIBUTES", "value": "k8s.pod.name=$(POD_NAME)"},
        *({"name": name, "value": value} for name, value in values.items()),
    ]


def _probe(path: str, *, every_s: int, failures: int) -> Manifest:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": every_s,
        "timeoutSeconds": 3,
        "failureThreshold": failures,
    }


def _monitor(named: Mapping[str, str]) -> Manifest:
    # The same label as the pages carry; without it "up" would not have it.
    label = {"sourceLabels": ["__meta_kubernetes_service_name"], "targetLabel": "service_name"}
    endpoint = {"port": "http", "path": "/metrics", "honorLabels": True, "relabelings": [label]}
    return {"selector": {"matchLabels": dict(named)}, "endpoints": [endpoint]}


def _rules(path: Path) -> Manifest:
    groups = yaml.safe_load(path.read_text("utf-8"))["groups"]
    head = _head("monitoring.coreos.com/v1", "PrometheusRule", f"obskit-{path.stem}")
    return {**head, "spec": {"groups": groups}}


def _board(path: Path) -> Manifest:
    # The label is what the sidecar of Grafana's chart looks for.
    head = _head("v1", "ConfigMap", f"obskit-board-{path.stem}", {"grafana_dashboard": "1"})
    return {**head, "data": {path.name: path.read_text("utf-8")}}


def _port(command: Sequence[str]) -> int:
    (port,) = [part.removeprefix("--port=") for part in command if part.startswith("--port=")]
    return int(port)


if __name__ == "__main__":
    sys.exit(main())
