"""Defects that were found in other observability kits, and where their absence is shown here.

===  ===================================================  ==========================================
 #   what was wrong                                       shown by
===  ===================================================  ==========================================
D1   a health check that passes with nothing running      test_images: unready or gone
D2   one store without a volume                           test_compose_file: state_is_on_named_volumes
D3   a dead process in a container of several              test_compose_file: one program and no shell
D4   lines that stay for ever                             test_stores: too old
D5   logs of a trace that come late are not found         test_grafana: five minutes around it
D6   labels of span metrics that are there already        test_stores: labels that they have anyway
D7   lists that a second file replaces                    below
D8   unknown data sources and labels on boards            tests/boards: names, sources
D9   Grafana with too little memory                       test_compose_file: memory_is_limited
D10  ports for everybody, lifecycle, the Docker socket    test_compose_file: ports, hardened, outside
D11  targets that do not exist; a README that is wrong    test_prometheus: every target; test_readme
D12  data inside the container                            as D2
D13  a trace's logs without its trace id                  test_grafana: asks for the trace
D14  configuration that Tempo 3 refuses; downloads        test_stores: Tempo 3; test_grafana: nothing is fetched
D15  a request that counts twice                          tests/asgi/test_middleware: handled 5xx is a server error
D16  rules that fire on a healthy host                    tests/rules
D17  panel types that Grafana has dropped                 below
D18  silences lost; the watchers unwatched                as D2; test_prometheus: everything that has a page
D19  a service that sleeps on its event loop               below; tests/asgi/test_middleware: unhandled exception is
D20  a remote write that nobody receives                  test_stores: the service graph
===  ===================================================  ==========================================
"""

import ast
import json
import re
from pathlib import Path

from obskit._assets import asset

DROPPED = {"graph", "singlestat", "table-old", "grafana-piechart-panel", "grafana-worldmap-panel"}


def test_every_defect_has_its_test():
    assert re.findall(r"^D(\d+) ", __doc__, re.MULTILINE) == [str(number) for number in range(1, 21)]
    tests = Path(__file__).parent.parent
    for folder, file, names in re.findall(r"(?:tests/(\w+)/)?(test_\w+): ([^;\n]+)", __doc__):
        text = (tests / (folder or "compose") / f"{file}.py").read_text().lower()
        for name in names.lower().split(", "):
            assert name.replace(" ", "_") in text, f"{file}: {name}"


def test_no_file_is_laid_over_another(folder):
    assert [path.name for path in folder.glob("*.yaml")] == ["compose.yaml"]
    assert not list(folder.glob("*override*"))
    text = (folder / "compose.yaml").read_text()
    assert "\ninclude:" not in text
    assert "extends:" not in text


def test_no_panel_has_a_type_that_grafana_has_dropped():
    for path in (asset("dashboards") / "json").glob("*.json"):
        board = json.loads(path.read_text())
        types = {one["type"] for panel in board["panels"] for one in (panel, *panel.get("panels", []))}
        assert not types & DROPPED
        assert board["schemaVersion"] == 42


def test_no_coroutine_of_the_samples_sleeps_on_the_event_loop():
    """But the fault that shows what happens then."""
    found = set()
    for path in asset("sample_services").rglob("*.py"):
        coroutines = [
            one for one in ast.walk(ast.parse(path.read_text())) if isinstance(one, ast.AsyncFunctionDef)
        ]
        calls = [
            one.func for coroutine in coroutines for one in ast.walk(coroutine) if isinstance(one, ast.Call)
        ]
        if any(ast.unparse(call) == "time.sleep" for call in calls):
            found.add(path.name)
    assert found == {"runtime.py"}
