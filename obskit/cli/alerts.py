"""``obskit alerts``: build the rules of objectives, check and test all alerts."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import track

from obskit import rules
from obskit._mixin import load_mixin
from obskit.cli._options import JsonOption, MixinOption
from obskit.cli._output import print_json, print_lines, progress_console, table
from obskit.errors import StackError

__all__ = ["alerts"]

_ENOUGH = 0.95

alerts = typer.Typer(name="alerts", no_args_is_help=True)

Source = Annotated[
    Path | None,
    typer.Option("--source", metavar="FILE", help="An slo.yaml of yours; else the one of obskit."),
]


@alerts.callback()
def _alerts() -> None:
    """Build the rules of objectives, and check and test all alerts.

    \b
    Example:
      obskit alerts list
      obskit alerts new-slo checkout availability --objective 99.5 --owner shop
      obskit alerts build
      obskit alerts test
    """


@alerts.command("list")
def list_alerts(as_json: JsonOption = False) -> None:
    """List the alerts; works with the stack down.

    \b
    Example:
      obskit alerts list
      obskit alerts list --json
    """
    rows = [_row(file, rule) for file, rule in rules.listed()]
    if as_json:
        print_json(rows)
    else:
        columns = ["alert", "severity", "category", "for", "file", "says"]
        table(columns, [[row[column] for column in columns] for row in rows])


@alerts.command("build")
def build_rules(
    source: Source = None,
    destination: Annotated[
        Path | None,
        typer.Option("--to", metavar="PATH", help="Write there instead of objectives.yaml beside it."),
    ] = None,
    config: MixinOption = None,
) -> None:
    """Make recording rules and burn-rate alerts from the objectives; the same source gives the same bytes.

    With --config every rule file and the routes are written with your labels, bucket bounds and
    objectives into the folder --to: see the table [mixin] in alerts/README.md.

    \b
    Example:
      obskit alerts build
      obskit alerts build --source slo.yaml --to rules/objectives.yaml
      obskit alerts build --config obskit.toml --to my_rules
    """
    if config is not None:
        if destination is None:
            msg = "Rules with a configuration of your own need a folder of their own."
            raise StackError(msg, fix=f"obskit alerts build --config {config} --to my_rules")
        print_lines(*map(str, rules.write_mixed(load_mixin(config), destination, source)))
        return
    print_lines(str(rules.write_objectives(source, destination)))


@alerts.command("new-slo")
def new_slo(
    service: Annotated[str, typer.Argument(help="The service_name that promises.")],
    kind: Annotated[str, typer.Argument(help=f"What is promised: {', '.join(rules.KINDS)}.")],
    objective: Annotated[str, typer.Option(metavar="PERCENT", help="Percent of the events that are good.")],
    owner: Annotated[str, typer.Option(help="The team that is paged.")],
    name: Annotated[str, typer.Option(help="Its name; the kind, if it has none.")] = "",
    window: Annotated[str, typer.Option(help="The time that the promise is about.")] = "30d",
    threshold_s: Annotated[
        float | None, typer.Option(help="Latency and flow: seconds, a bucket's bound.")
    ] = None,
    destination: Annotated[str | None, typer.Option(help="Flow: where the work ends.")] = None,
    total: Annotated[str | None, typer.Option(help="Events: the selector of all.")] = None,
    bad: Annotated[str | None, typer.Option(help="Events: the selector of the bad ones.")] = None,
    source: Source = None,
) -> None:
    """Add an objective to slo.yaml, and make its rules.

    \b
    Example:
      obskit alerts new-slo checkout availability --objective 99.5 --owner shop
      obskit alerts new-slo checkout latency --objective 99 --threshold-s 0.5 --owner shop --source slo.yaml
    """
    given = {"threshold_s": threshold_s, "destination": destination, "total": total, "bad": bad}
    sli = {"kind": kind, **{key: value for key, value in given.items() if value is not None}}
    entry = {"name": name or kind, "service": service, "owner": owner, "objective": _number(objective)}
    path = rules.add_objective({**entry, "window": window, "sli": sli}, source)
    print_lines(str(path), str(rules.write_objectives(path)))


@alerts.command("check")
def check_rules(as_json: JsonOption = False) -> None:
    """Check rules, texts, runbooks, routes, and that the objectives' rules are current; exit 1 on a finding.

    \b
    Example:
      obskit alerts check
      obskit alerts check --json
    """
    findings = rules.check_alerts()
    if as_json:
        print_json([dataclasses.asdict(finding) for finding in findings])
    else:
        print_lines(*map(str, findings), f"{len(findings)} findings")
    if findings:
        raise typer.Exit(1)


@alerts.command("test")
def run_tests(
    mutation: Annotated[
        bool, typer.Option("--mutation", help="Change every rule in small ways; its tests have to fail.")
    ] = False,
    at_most: Annotated[int | None, typer.Option(metavar="N", min=1, help="Changes a rule; else all.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Test rules, routes and inhibitions, or the tests themselves; exit 1 when one fails.

    \b
    Example:
      obskit alerts test
      obskit alerts test --mutation
      obskit alerts test --mutation --at-most 2
    """
    if mutation:
        _test_mutants(at_most, as_json=as_json)
        return
    groups = {
        "rules": rules.unit_tests(rules.unit_files()),
        "routes": [rules.check_config(), *rules.routing_tests()],
        "inhibition": rules.inhibition_tests(),
        "coverage": [_covered(one) for one in rules.coverage(rules.unit_files())],
    }
    failed = [one for outcomes in groups.values() for one in outcomes if not one.passed]
    if as_json:
        print_json({name: [dataclasses.asdict(one) for one in outcomes] for name, outcomes in groups.items()})
    else:
        print_lines(*(f"{one.name} failed\n{one.said}" for one in failed))
        table(["what", "passed", "of"], [_counted(name, outcomes) for name, outcomes in groups.items()])
    if failed:
        raise typer.Exit(1)


def _test_mutants(at_most: int | None, *, as_json: bool) -> None:
    chosen = rules.mutants(at_most=at_most)
    if not chosen:
        msg = "There is no rule to change."
        raise StackError(msg, fix="obskit alerts list")
    alive = []
    verdicts = rules.verdicts(chosen)
    for one in track(verdicts, "Changes tried", len(chosen), console=progress_console(), transient=True):
        if one.is_killed:
            continue
        mutant = one.mutant
        alive.append({"file": mutant.file, "rule": mutant.name, "change": mutant.change})
        if not as_json:
            print_lines(f"survived: {mutant.file} {mutant.name}: {mutant.change}")
    score = 1 - len(alive) / len(chosen)
    changed = len({one.name for one in chosen})
    if as_json:
        print_json({"score": round(score, 4), "mutants": len(chosen), "rules": changed, "survivors": alive})
    else:
        print_lines(f"{len(chosen)} changes of {changed} rules, {100 * score:.1f} % noticed")
    if score < _ENOUGH:
        raise typer.Exit(1)


def _row(file: str, rule: rules.Rule) -> dict[str, Any]:
    return {
        "alert": rule["alert"],
        "severity": rule["labels"]["severity"],
        "category": rule["labels"]["category"],
        "for": rule.get("for", "0s"),
        "file": file,
        "says": rule["annotations"]["summary"].replace("{{ $labels.service_name }}", "a service"),
        "slo": rule["labels"].get("slo", ""),
        "long_window": rule["labels"].get("long_window", ""),
        "runbook": f"alerts/runbooks/{rule['alert']}.md",
    }


def _covered(one: rules.Coverage) -> rules.Outcome:
    return rules.Outcome(one.alert, one.is_enough, f"fires {one.fires} times, is quiet {one.quiet} times\n")


def _counted(name: str, outcomes: list[rules.Outcome]) -> list[str]:
    return [name, str(sum(one.passed for one in outcomes)), str(len(outcomes))]


def _number(text: str) -> float | int | str:
    """Return what YAML would read, so that a wrong number is refused with the objective's own words."""
    try:
        return int(text) if text.isdigit() else float(text)
    except ValueError:
        return text
