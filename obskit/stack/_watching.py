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
from obskit.stack._own import KnownService, forget, known_services, own_rules, rules_of, take_in, watch_too
from obskit.stack._ports import LOOPBACK
from obskit.stack._project import OwnService, Project
from obskit.stack._services import (
    refuse_ports_of,
    refuse_taken_names,
    refuse_taken_ports,
    service_specs,
    services_of,
)
from obskit.stack._specs import KEEPER, Plan, ProcessSpec
from obskit.stack._traefik import traefik_spec

__all__ = [
    "Changes",
    "Running",
    "change_services",
    "changing_specs",
    "exchange_services",
    "watch",
    "with_services",
]

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
    running: Sequence[ProcessSpec] = (),
) -> tuple[ProcessSpec, ...]:
    """Return the processes of *services*, and the door before the samples; *around* are the stack's own.

    Those of *running* that would differ by the shell alone stay as they are.

    Raises:
        ConfigError: a service has the name of another process.
        StackError: a program is not there.
    """
    door = list(filter(_is_door, running)) if project.has_samples else []
    if project.has_samples and not door:
        door = [traefik_spec(home, require()["traefik"], ports)]
    samples = {name for one in services if one not in project.services for name in one.processes}
    refuse_taken_names(project.services, {*around, *samples, *(spec.name for spec in door)})
    return (*service_specs(home, services, ports, otlp, running), *door)


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
    door = {_DOOR} if project.has_samples else set()
    take_in(home, project, services, {*others, *door})
    if door:
        page = f"http://{LOOPBACK}:{ports['traefik-admin']}"
        _prometheus.write_own_target(home, _DOOR, [page], "/metrics")
    return _configure(home, ports, time_scale, extra, has_samples=project.has_samples)


def _configure(  # noqa: PLR0913 - as above
    home: Home,
    ports: Mapping[str, int],
    time_scale: float,
    extra: Mapping[str, rules.RuleFile],
    *,
    has_samples: bool,
    kept: Collection[Path] = (),
) -> Written:
    """Write the shipped rules and *extra*; of somebody's own that were written before, only *kept* stay."""
    written = rules.write_native(
        home.prometheus / "rules",
        factor=time_scale,
        scrape_interval_s=_prometheus.scrape_interval_s(time_scale),
        pager_url=f"http://{LOOPBACK}:{ports['pager']}",
        routing_key_file=home.routing_key,
        board_url=f"http://{LOOPBACK}:{ports['console']}",
        extra=extra,
        without=() if has_samples else _OF_SAMPLES,
        gone=_gone(home),
    )
    files = [*written.rule_files, *kept]
    for stale in set((home.prometheus / "rules").glob(_OWN_RULES)).difference(files):
        stale.unlink()
    config = _prometheus.write_config(home, ports, rule_files=files, time_scale=time_scale)
    return Written(config, written.alertmanager)


def _gone(home: Home) -> list[str]:
    """Return the services that were taken out on purpose: nobody is to be paged because they are gone.

    That is whatever was ever watched and is so no more; a ``down`` may lie between.
    """
    path = home.prometheus / "seen.json"
    watched = _prometheus.watched(home)
    seen = {*(json.loads(path.read_bytes()) if path.exists() else ()), *watched}
    write_atomic(path, json.dumps(sorted(seen)))
    return sorted(seen - watched)


def with_services(home: Home, plan: Plan, project: Project, changing: Sequence[ProcessSpec]) -> Plan:
    """Return *plan* with the processes *changing* in the place of those of its services.

    Raises:
        ConfigError: a service has a port of the stack.
    """
    changed = replace(
        _with_processes(plan, changing), project=str(project.path or ""), samples=project.samples_asked
    )
    refuse_ports_of(changed, project.services)
    names = {spec.name for spec in changed.processes}
    return replace(changed, faults=stack_faults(home, plan.ports, require(), names))


def _with_processes(plan: Plan, changing: Sequence[ProcessSpec]) -> Plan:
    core = [spec for spec in plan.processes if not spec.service]
    # What is still starting is not down: no page for that.
    first = tuple(spec.name for spec in (*core, *changing) if spec.name not in _BEFORE)
    processes = tuple(
        replace(spec, at_first_after=first) if spec.name == "prometheus" else spec
        for spec in (*core, *changing)
    )
    return replace(plan, processes=processes)


@dataclass(frozen=True, slots=True)
class Changes:
    """What became different in a running stack: services by name, and ``rules`` and ``boards`` of somebody's own."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What a running stack was asked for: by its *file*, by ``--attach`` and by ``--samples``."""

    file: Path | None
    attached: tuple[OwnService, ...]
    samples_asked: bool | None
    """None: nothing was said."""
    has_samples: bool


def change_services(
    home: Home, make_project: Callable[[Running], Project], report: Report = silent
) -> Changes:
    """Have the running stack watch what *make_project* returns, without a restart of the rest.

    Raises:
        ConfigError: the project, a rule or a board is not accepted, or a name or port is taken.
        StackError: a program is not there, a port is taken, or a process does not get ready.
    """

    def make_plan(plan: Plan) -> Plan:
        running = Running(
            file=Path(plan.project) if plan.project else None,
            attached=tuple(_attached(one) for one in known_services(home) if one.is_by_option),
            samples_asked=plan.samples,
            has_samples=_has_samples(plan),
        )
        return _changed_plan(home, plan, make_project(running))

    return _change(home, make_plan, report)


def exchange_services(
    home: Home, *, without: Collection[str] = (), added: Sequence[OwnService] = (), report: Report = silent
) -> Changes:
    """Have the running stack end the services *without* and watch *added*, which run; no file is read for it.

    One of *added* takes the place of a service of somebody's that has its name.

    Raises:
        ConfigError: one of *added* has the name of another process.
        StackError: no stack runs here, or it cannot be changed now.
    """

    def make_plan(plan: Plan) -> Plan:
        known = {one.name for one in known_services(home)}
        leaving = {*without, *(one.name for one in added)} & known
        staying = [spec for spec in plan.processes if spec.service not in leaving]
        refuse_taken_names(added, {spec.name for spec in staying})
        forget(home, leaving)
        watch_too(home, added)
        dropped = {rules_of(name) for name in leaving}
        own = sorted((home.prometheus / "rules").glob(_OWN_RULES))
        kept = [path for path in own if path.name not in dropped]
        has_samples = _has_samples(plan)
        _configure(home, plan.ports, plan.time_scale, {}, has_samples=has_samples, kept=kept)
        changed = _with_processes(plan, [spec for spec in staying if spec.service])
        return replace(changed, revision=plan.revision + 1)

    return _change(home, make_plan, report)


def _change(home: Home, make_plan: Callable[[Plan], Plan], report: Report) -> Changes:
    shown: list[dict[str, Any]] = []

    def make_and_look(plan: Plan) -> Plan:
        shown.append(_state(home, plan))
        changed = make_plan(plan)
        shown.append(_state(home, changed))
        return changed

    change(home, make_and_look, report=report)
    before, after = shown
    return Changes(
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=tuple(name for name in after if name in before and before[name] != after[name]),
    )


def _has_samples(plan: Plan) -> bool:
    return any(map(_is_door, plan.processes))


def _is_door(spec: ProcessSpec) -> bool:
    return "traefik-admin" in spec.ports  # a service of somebody's may be called traefik


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
    running = [spec for spec in plan.processes if spec.service]
    services = services_of(project, plan.ports)
    otlp = plan.addresses["otlp"]
    changing = changing_specs(home, project, services, plan.ports, otlp, around, running)
    changed = with_services(home, plan, project, changing)
    refuse_taken_ports(services, {number for spec in running for number in spec.ports.values()})
    watch(home, project, services, plan.ports, plan.time_scale, around)
    return replace(changed, revision=plan.revision + 1)
