"""A stack that runs goes over to what obskit.toml says now: only what changed is started or ended."""

import json
import sys
from pathlib import Path

import pytest

from obskit import stack
from obskit.errors import ConfigError, StackError

STANDIN = Path(__file__).with_name("standin.py")


@pytest.fixture
def project(site, tmp_path, free_port):
    """Writes an obskit.toml with a server for each name, which has other flags where they are given."""
    ports = {}

    def write(*names, top="", more="", **flags):
        tables = []
        for name in names:
            number = ports.setdefault(name, free_port())
            command = json.dumps([sys.executable, str(STANDIN), "{port}", *flags.get(name, ())])
            tables.append(f"[services.{name}]\ncommand = {command}\nport = {number}\n")
        path = tmp_path / "obskit.toml"
        path.write_text("\n".join([top, *tables, more]))
        return stack.load_project(path)

    ports_of_stack = {port.name: port.default + 30_000 for port in stack.PORTS}
    plan = site.plan(site.standin("nats"), addresses={"otlp": "http://127.0.0.1:9"})()
    stack.up(site.home, lambda: replaced(plan, ports_of_stack))
    return write


def replaced(plan, ports):
    return stack.Plan(processes=plan.processes, ports=ports, addresses=plan.addresses, samples=False)


def pids(site):
    return {row.name: row.process.pid for row in stack.status(site.home).processes if row.state == "ready"}


def changed(site, project):
    return stack.change_services(site.home, lambda _running: project)


def targets(site):
    return {path.stem for path in site.home.targets.glob("*.json")}


def test_only_what_changed_is_started_or_ended(site, project, tmp_path, wait_for):
    begun = changed(site, project("shop", "billing", more='[services.far]\nurl = "http://localhost:9"'))
    assert begun == stack.Changes(added=("shop", "billing", "far"), removed=(), changed=())
    before = pids(site)
    assert targets(site) == {"shop", "billing", "far"}

    (tmp_path / "mine.json").write_text(json.dumps({"uid": "mine", "title": "Mine", "panels": []}))
    slos = 'slos = [{kind = "availability", objective = 99}]'
    wanted = project("shop", "mail", top='boards = "mine.json"', more=slos, shop=("--say", "anew"))
    after = changed(site, wanted)

    assert set(after.added) == {"mail", "rules", "boards"}
    assert set(after.removed) == {"billing", "far"}
    assert after.changed == ("shop",)
    now = pids(site)
    assert now["shop"] != before["shop"]
    assert {name: now[name] for name in ("nats", "keeper", "supervisor")} == {
        name: before[name] for name in ("nats", "keeper", "supervisor")
    }
    assert now.keys() - before.keys() == {"mail"}
    assert targets(site) == {"shop", "mail"}
    assert (site.home.boards / "mine.json").exists()
    assert "objectives-own-mail.yaml" in (site.home.prometheus / "prometheus.yml").read_text()
    # Nobody is paged for what was taken out on purpose.
    watchers = (site.home.prometheus / "rules" / "watchers.yaml").read_text()
    assert 'max_over_time(up{service_name!~"|billing|far"}[1h])' in watchers

    dead = site.kill("supervisor")
    wait_for(lambda: site.is_back("supervisor", dead), "a new supervisor")
    assert {**pids(site), "supervisor": 0} == {**now, "supervisor": 0}
    assert changed(site, wanted) == stack.Changes(added=(), removed=(), changed=())


def test_what_does_not_start_is_named_and_the_stack_runs_on(site, project):
    changed(site, project("shop"))
    before = pids(site)

    with pytest.raises(StackError, match="bad exited with code 1 at start") as caught:
        changed(site, project("shop", "bad", bad=("--crash",)))

    assert "RuntimeError: the warehouse is on fire" in caught.value.output
    assert pids(site) == before
    assert changed(site, project("shop", "bad")).changed == ("bad",)
    assert pids(site)["shop"] == before["shop"]


def test_a_stack_that_does_not_run_cannot_change(tmp_path):
    home = stack.Home.at(tmp_path)

    with pytest.raises(StackError, match="No stack is running in"):
        stack.change_services(home, lambda _running: stack.Project())


def watchers(site):
    return (site.home.prometheus / "rules" / "watchers.yaml").read_text()


def test_one_service_goes_and_comes_whatever_the_file_says(site, project, tmp_path):
    changed(site, project("shop", "billing", more='slos = [{kind = "availability", objective = 99}]'))
    before = pids(site)
    (tmp_path / "obskit.toml").write_text("[services.broken")

    gone = stack.exchange_services(site.home, without=["billing"])
    assert gone == stack.Changes(added=(), removed=("billing", "rules"), changed=())
    assert {**before, "billing": 0} == {**pids(site), "billing": 0}
    assert 'service_name!~"|billing"' in watchers(site)
    assert "objectives-own" not in (site.home.prometheus / "prometheus.yml").read_text()

    back = stack.exchange_services(site.home, added=[stack.attached("billing=http://localhost:9")])
    assert back == stack.Changes(added=("billing",), removed=(), changed=())
    assert "service_name!~" not in watchers(site)  # pages again when it is gone
    with pytest.raises(ConfigError, match="'nats' has the name of a process of the stack"):
        stack.exchange_services(site.home, added=[stack.attached("nats=http://localhost:9")])

    nats = site.row("nats").port
    (tmp_path / "obskit.toml").write_text(f'[services.shop]\ncommand = "python"\nport = {nats}')
    with pytest.raises(ConfigError, match=f"port has {nats}, which is that of nats in the stack"):
        changed(site, stack.load_project(tmp_path / "obskit.toml"))
    assert targets(site) == {"shop", "billing"}
