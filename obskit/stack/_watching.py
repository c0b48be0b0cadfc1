"""The part of the stack that changes while it runs: services, and what watches them."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from obskit import rules
from obskit.stack import _prometheus
from obskit.stack._actors import stack_faults
from obskit.stack._binaries import require
from obskit.stack._boards import keep_boards
from obskit.stack._files import write_atomic
from obskit.stack._home import Home
from obskit.stack._lifecycle import Report, change, silent
from obskit.stack._own import KnownService, known_services, own_rules, take_in
from obskit.stack._ports import LOOPBACK
from obskit.stack._project import OwnService, Project, load_project
from obskit.stack._services import refuse_taken_names, refuse_taken_ports, service_specs, services_of
from obskit.stack._specs import KEEPER, Plan, ProcessSpec
from obskit.stack._traefik import traefik_spec

__all__ = ["Changes", "change_services", "changing_specs", "watch", "with_services"]

_OF_SAMPLES = frozenset({"objectives.yaml"})
"""Rules that are about the sample services alone."""
_OWN_RULES = "*own*.yaml"
_DOOR = "traefik"
_BEFORE = frozenset({KEEPER, "nats", "prometheus"})
"""What the first start of Prometheus does not wait for."""


@dataclass(frozen=True, slots=True)
class Written:
    """The configuration files of Prometheus and Alertmanager."""

    config: Path
    alertmanager: Path


def changing_specs(  # noqa: PLR0913, PLR0917 - a service is told about all of these
    home: Home,
    project: Project,
    services: Sequence[OwnService],
    ports: Mapping[str, int],
    otlp: str,
    around: Collection[str],
) -> tuple[ProcessSpec, ...]:
    """Return the processes of *services*, and the door before the samples; *around* are the stack's own.

    Raises:
        ConfigError: a service has the name of another process.
        StackError: a program is not there.
    """
    door = (traefik_spec(home, require()["traefik"], ports),) if project.has_samples else ()
    samples = {name for one in services if one not in project.services for name in one.processes}
    refuse_taken_names(project.services, {*around, *samples, *(spec.name for spec in door)})
    return (*service_specs(home, services, ports, otlp), *door)


def watch(  # noqa: PLR0913, PLR0917 - as above
    home: Home,
    project: Project,
    services: Sequence[OwnService],
    ports: Mapping[str, int],
    time_scale: float,
    others: Collection[str],
) -> Written:
    """Write targets, log links, boards and rules for *services*; *others* are the stack's own pages.

    Raises:
        ConfigError: the time scale is not accepted, or a rule or a board of the project.
    """
    extra = own_rules(project)
    keep_boards(home, project.boards)
    before = _prometheus.watched(home)
    door = {_DOOR} if project.has_samples else set()
    take_in(home, project, services, {*others, *door})
    if door:
        page = f"http://{LOOPBACK}:{ports['traefik-admin']}"
        _prometheus.write_own_target(home, _DOOR, [page], "/metrics")
    written = rules.write_native(
        home.prometheus / "rules",
        factor=time_scale,
        scrape_interval_s=_prometheus.scrape_interval_s(time_scale),
        pager_url=f"http://{LOOPBACK}:{ports['pager']}",
        routing_key_file=home.routing_key,
        board_url=f"http://{LOOPBACK}:{ports['console']}",
        extra=extra,
        without=() if project.has_samples else _OF_SAMPLES,
        gone=_gone(home, before),
    )
    for stale in set((home.prometheus / "rules").glob(_OWN_RULES)).difference(written.rule_files):
        stale.unlink()
    config = _prometheus.write_config(home, ports, rule_files=written.rule_files, time_scale=time_scale)
    return Written(config, written.alertmanager)


def _gone(home: Home, before: Collection[str]) -> list[str]:
    """Return the services that were taken out on purpose: nobody is to be paged because they are gone."""
    path = home.prometheus / "gone.json"
    earlier = json.loads(path.read_bytes()) if path.exists() else []
    gone = sorted({*earlier, *before} - _prometheus.watched(home))
    write_atomic(path, json.dumps(gone))
    return gone


def with_services(home: Home, plan: Plan, project: Project, changing: Sequence[ProcessSpec]) -> Plan:
    """Return *plan* with the processes *changing* in the place of those of its services."""
    core = [spec for spec in plan.processes if not spec.service]
    # What is still starting is not down: no page for that.
    first = tuple(spec.name for spec in (*core, *changing) if spec.name not in _BEFORE)
    processes = tuple(
        replace(spec, at_first_after=first) if spec.name == "prometheus" else spec
        for spec in (*core, *changing)
    )
    return replace(
        plan,
        processes=processes,
        faults=stack_faults(home, plan.ports, require(), {spec.name for spec in processes}),
        project=str(project.path or ""),
        samples=project.samples,
    )


@dataclass(frozen=True, slots=True)
class Changes:
    """What became different in a running stack: services by name, and ``rules`` and ``boards`` of somebody's own."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]


def change_services(
    home: Home, make_project: Callable[[Project, bool], Project], report: Report = silent
) -> Changes:
    """Have the running stack watch other services, without a restart of the rest.

    *make_project* is given what the stack was started with, as its file says now, with the
    services of ``--attach``, and whether the samples run; it returns what is wanted.

    Raises:
        ConfigError: the project, a rule or a board is not accepted, or a name is taken.
        StackError: a program is not there, a port is taken, or a process does not get ready.
    """
    shown: list[dict[str, Any]] = []

    def make_plan(plan: Plan) -> Plan:
        shown.append(_state(home, plan))
        found = load_project(Path(plan.project)) if plan.project else Project()
        attached = [_attached(one) for one in known_services(home) if one.is_by_option]
        has_samples = any(spec.service == _DOOR for spec in plan.processes)
        changed = _changed_plan(home, plan, make_project(found.joined(attached), has_samples))
        shown.append(_state(home, changed))
        return changed

    change(home, make_plan, report=report)
    before, after = shown
    return Changes(
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=tuple(name for name in after if name in before and before[name] != after[name]),
    )


def _attached(service: KnownService) -> OwnService:
    return OwnService(
        name=service.name,
        owner=service.owner,
        addresses=service.addresses,
        metrics=service.metrics,
        is_by_option=True,
    )


def _state(home: Home, plan: Plan) -> dict[str, Any]:
    """Return all that can change, each part under the name that people know it by."""
    found: dict[str, Any] = {one.name: [one] for one in known_services(home)}
    for spec in plan.processes:
        if spec.service:
            found.setdefault(spec.service, []).append(spec)
    files = {"rules": (home.prometheus / "rules").glob(_OWN_RULES), "boards": home.boards.glob("*.json")}
    contents = {name: {path.name: path.read_bytes() for path in paths} for name, paths in files.items()}
    return {**found, **{name: content for name, content in contents.items() if content}}


def _changed_plan(home: Home, plan: Plan, project: Project) -> Plan:
    around = {spec.name for spec in plan.processes if not spec.service}
    services = services_of(project, plan.ports)
    refuse_taken_ports(services, set(plan.listening.values()))
    changing = changing_specs(home, project, services, plan.ports, plan.addresses["otlp"], around)
    watch(home, project, services, plan.ports, plan.time_scale, around)
    return replace(with_services(home, plan, project, changing), revision=plan.revision + 1)
