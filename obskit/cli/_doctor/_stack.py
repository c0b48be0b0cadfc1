"""The chain of a running stack, link by link: service, scrape, rules, Alertmanager, pager; logs; traces; boards."""

import json
import time
from collections.abc import Iterator
from typing import Any

from obskit import stack
from obskit._assets import asset
from obskit.cli._client import Api
from obskit.cli._doctor._asking import asked, number, prometheus
from obskit.cli._doctor._model import Finding, fail, ok, warn
from obskit.cli._doctor._signals import examine_signals, observed_services
from obskit.errors import StackError

__all__ = ["examine_stack"]

SCRAPE = "{} -> scrape"
RULES = "scrape -> rules"
ALERTMANAGER = "rules -> alertmanager"
PAGER = "alertmanager -> pager"
BOARDS = "boards -> data"

_TIMEOUT_S = 3.0
_YOUNG_S = 90.0
"""A stack that is younger may not have evaluated every rule once."""
_NOTICED_S = 20.0
"""Prometheus reads its target files every few seconds."""
_AGAIN = "obskit down, then obskit up"
_LOOK = "obskit status, and the log of {}"


def examine_stack(home: stack.Home) -> Iterator[Finding]:
    """Look at each link of the stack in *home*; changes nothing."""
    found = stack.status(home)
    if not found.is_running:
        yield ok("stack", f"none runs in {home.root}; obskit up starts one")
        return
    yield _processes(found)
    known = stack.known_services(home)
    try:
        yield from _scrapes(home, known)
        yield _rules(home, known)
    except StackError as error:
        yield fail("scrape", str(error), _LOOK.format("prometheus"))
    yield _alerting(home, is_young=_is_young(found))
    yield _paging(home)
    names = observed_services(home, known)
    for name in names:
        yield from examine_signals(home, name)
    yield _boards(home, names)


def _is_young(found: stack.StackStatus) -> bool:
    started = [row.started_at for row in found.processes if row.name == "prometheus" and row.started_at]
    return not started or time.time() - started[0] < _YOUNG_S


def _processes(found: stack.StackStatus) -> Finding:
    bad = [row for row in found.processes if row.state not in {"ready", "held"}]
    if not bad:
        return ok("processes", f"{len(found.processes)} run and are ready")
    what = "; ".join(f"{row.name} is {row.state}{f' ({why})' if (why := _why(row)) else ''}" for row in bad)
    return fail("processes", what, f"obskit status, and {found.home.log_of(bad[0].name)}")


def _why(row: stack.ProcessRecord) -> str:
    lines = (row.last_exit or row.output).splitlines()
    return lines[-1] if lines else ""


def _scrapes(home: stack.Home, known: tuple[stack.KnownService, ...]) -> Iterator[Finding]:
    targets = prometheus(home).call("GET", "/api/v1/targets?state=active")["data"]["activeTargets"]
    down = [one for one in targets if one["health"] == "down"]
    for one in down:
        name = one["labels"].get("service_name", one["labels"]["job"])
        what = f"{one['scrapeUrl']} is not read: {one['lastError']}"
        yield fail(SCRAPE.format(name), what, _scrape_fix(one["lastError"], name))
    failing = {one["labels"].get("service_name") for one in down}
    seen = {one["labels"].get("service_name") for one in targets}
    for service in known:
        if service.addresses and service.name not in seen:
            yield _no_target(home, service.name)
        elif service.addresses and service.name not in failing:
            yield _named(home, service)
    others = sorted(filter(None, seen - failing - {service.name for service in known}))
    if others:
        yield ok("stack -> scrape", f"{len(others)} pages are read: {', '.join(others)}")


def _no_target(home: stack.Home, service: str) -> Finding:
    file = home.targets / f"{service}.json"
    if file.exists() and time.time() - file.stat().st_mtime < _NOTICED_S:
        what = "it has just been attached, and Prometheus has not read that yet"
        return warn(SCRAPE.format(service), what, "obskit doctor, in a few seconds")
    fix = f"obskit up --attach {service}=URL, or {_AGAIN}"
    return fail(SCRAPE.format(service), "Prometheus has no target for it", fix)


def _scrape_fix(error: str, name: str) -> str:
    if "404" in error or "405" in error:
        return f'obskit.instrument(app) serves /metrics; or name the path with metrics = "..." of {name} in obskit.toml'
    if "refused" in error or "no route" in error or "lookup" in error:
        return f"start {name}, or correct its url or port in obskit.toml"
    if "deadline" in error or "timeout" in error:
        return f"{name} does not answer in time: see what it does, and restart it"
    return f"open that address: it must answer 200 with a page of metrics; see the log of {name}"


def _named(home: stack.Home, service: stack.KnownService) -> Finding:
    """Look whether the page itself calls the service what obskit.toml does: its alerts go by that."""
    hosts = "|".join(
        address.partition("://")[2].replace("localhost", "127.0.0.1") for address in service.addresses
    )
    query = f'count by (service_name) (obskit_build_info{{instance=~"{hosts}"}})'
    names = {row["metric"].get("service_name", "") for row in asked(home, query)}
    others = sorted(names - {service.name})
    if others:
        what = f"its page says service_name={others[0]!r}, so no rule or board for {service.name!r} has data"
        return fail(SCRAPE.format(service.name), what, f'obskit.init(service="{service.name}")')
    return ok(SCRAPE.format(service.name), f"{', '.join(service.addresses)} is read")


def _rules(home: stack.Home, known: tuple[stack.KnownService, ...]) -> Finding:
    groups = prometheus(home).call("GET", "/api/v1/rules")["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    broken = [rule for rule in rules if rule["health"] == "err"]
    if broken:
        what = f"{broken[0]['name']} cannot be evaluated: {broken[0].get('lastError', '')}"
        return fail(RULES, what, "obskit alerts check, or mend the rule file that obskit.toml names")
    for service in known:
        for objective in service.objectives:
            if not any(_watches(rule, service.name, objective) for rule in rules):
                what = f"no rule watches the objective {objective!r} of {service.name}"
                return fail(RULES, what, "obskit up, which makes its rules")
    if not any(rule["name"] == "Watchdog" for rule in rules):
        return fail(RULES, "Prometheus has no rules of obskit", _AGAIN)
    count = sum(rule["type"] == "alerting" for rule in rules)
    return ok(RULES, f"{count} alerts are evaluated")


def _watches(rule: dict[str, Any], service: str, objective: str) -> bool:
    is_of_objective = rule["type"] == "alerting" and rule["labels"].get("slo") == objective
    return is_of_objective and f'service_name="{service}"' in rule["query"]


def _alerting(home: stack.Home, *, is_young: bool) -> Finding:
    try:
        arrived = Api(home, "alertmanager", _TIMEOUT_S).call(
            "GET", "/api/v2/alerts?filter=alertname%3D%22Watchdog%22"
        )
    except StackError as error:
        return fail(ALERTMANAGER, str(error), _LOOK.format("alertmanager"))
    if arrived:
        return ok(ALERTMANAGER, "the Watchdog alert, which always fires, has arrived")
    what = "the Watchdog alert, which always fires, has not arrived"
    if is_young:
        return warn(
            ALERTMANAGER, f"{what} yet; the stack has just been started", "obskit doctor, in a minute"
        )
    return fail(ALERTMANAGER, what, f"{_LOOK.format('prometheus')}; then {_AGAIN}")


def _paging(home: stack.Home) -> Finding:
    failed = 'sum(increase(alertmanager_notifications_failed_total{integration=~"webhook|pagerduty"}[1m]))'
    try:
        Api(home, "pager", _TIMEOUT_S).text("/readyz")
        count = number(asked(home, failed))
    except StackError as error:
        if "pager" in str(error):
            return fail(PAGER, str(error), _LOOK.format("pager"))
        return warn(
            PAGER, "the pager is ready; whether notifications reach it, Prometheus would know", str(error)
        )
    if count >= 1:
        what = f"{count:.0f} notifications were not taken in the last minute"
        return fail(PAGER, what, f"{_LOOK.format('alertmanager')}, which says why")
    return ok(PAGER, "the pager is ready, and what was sent arrived; obskit incidents test sends one")


def _boards(home: stack.Home, services: tuple[str, ...]) -> Finding:
    try:
        Api(home, "console", _TIMEOUT_S).text("/d/obskit-service")
    except StackError as error:
        return fail(BOARDS, str(error), _LOOK.format("console"))
    board = json.loads(asset("dashboards", "json", "service.json").read_text(encoding="utf-8"))
    stats = [panel for panel in board["panels"] if panel["type"] == "stat"]
    try:
        for service in services:
            if not number(asked(home, _requests(service))):
                continue
            for panel in stats:
                if not asked(home, _filled(panel["targets"][0]["expr"], service)):
                    what = (
                        f"the panel {panel['title']!r} of {service} has no data, though it has requests now"
                    )
                    return fail(BOARDS, what, "obskit doctor --app MODULE:APP says what its metrics lack")
    except StackError as error:
        return fail(BOARDS, f"the panels have no data: {error}", _LOOK.format("prometheus"))
    return ok(BOARDS, "the console answers, and the panels of each service that has requests now have data")


def _requests(service: str) -> str:
    # Ratios and quantiles have no value while there are no requests.
    return f'sum(increase(http_server_request_duration_seconds_count{{service_name="{service}"}}[5m]))'


def _filled(expression: str, service: str) -> str:
    for variable, value in (("$service", service), ("$route", ".*"), ("$__rate_interval", "5m")):
        expression = expression.replace(variable, value)
    return expression
