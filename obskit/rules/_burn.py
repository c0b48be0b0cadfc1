"""Makes the rules of objectives: recorded ratios and counts, and four burn-rate alerts each."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from obskit._assets import asset
from obskit.rules._durations import parse_duration
from obskit.rules._links import board_url, logs_url
from obskit.rules._load import Group, Rule, RuleFile
from obskit.rules._objective import WINDOWS, Objective, Pair, load_objectives
from obskit.rules._yaml import as_yaml, write_whole

__all__ = ["burn_rules", "is_current", "rendered", "write_objectives"]

_SHORT = ("5m", "30m", "1h", "2h")
_LONG = ("6h",)
_DAYS = ("1d", "3d")
_RATIO = "slo:bad_per_events:ratio_rate"
_BAD = "slo:bad_events:increase"
_ALL = "slo:events:increase"
_LEFT = "slo:error_budget_remaining:ratio"
_RUNBOOKS = "http://127.0.0.1:8601/runbooks"
_SERVICE = "{{ $labels.service_name }}"
_HEAD = """\
# Made from {source} by "obskit alerts build"; change that, not this.
#
# slo:events:increase<window>             events that count
# slo:bad_events:increase<window>         bad ones of them, the floor: one failure of ten a night fires nothing
# slo:bad_per_events:ratio_rate<window>   share of bad events; 0 without bad ones, no value without events
# slo:error_budget_remaining:ratio        share of the window's budget that is left, from counts; below 0 it is spent
# slo:objective:ratio                     the promise
#
# Four pairs of windows watch how fast the budget is used up: the long window says that it matters,
# the short one that it still goes on. "unless service:down_alerts:count" drops a symptom whose
# service is known to be dead, see watchers.yaml for why that is done here and not by an inhibition.
# The labels of the first series of an expression choose those of the others.
"""


def burn_rules(objectives: Sequence[Objective]) -> RuleFile:
    """Return the recording rules and the alerts of *objectives*."""
    days = [*_windows(objectives, _DAYS), *(_remaining(one) for one in objectives)]
    short = [*_windows(objectives, _SHORT), *(_promise(one) for one in objectives)]
    alerts = [_alert(one, pair) for one in objectives for pair in WINDOWS]
    return {
        "groups": [
            _group("objectives-short-windows", "30s", short),
            # Reading days of samples is dear, and days do not change in half a minute. Not above 4m: after 5
            # Prometheus has forgotten the last value.
            _group("objectives-long-windows", "2m", _windows(objectives, _LONG)),
            _group("objectives-days", "4m", days),
            _group("objectives-budget", "30s", alerts),
        ]
    }


def _windows(objectives: Sequence[Objective], windows: Sequence[str]) -> list[Rule]:
    """Counts first, for the share is made of them: each sample is read once a window."""
    makers = (_all, _bad, _ratio)
    return [make(one, window) for window in windows for one in objectives for make in makers]


def rendered(source: Path) -> str:
    """Return the rule file that *source* makes; the same source gives the same bytes.

    Raises:
        ConfigError: an objective is not accepted.
    """
    head = _HEAD.format(source=source.name)
    return head + as_yaml(cast("object", burn_rules(load_objectives(source))))


def write_objectives(source: Path | None = None, destination: Path | None = None) -> Path:
    """Write the rules of *source* (``alerts/slo.yaml``) to *destination* (``objectives.yaml`` beside it).

    Raises:
        ConfigError: an objective is not accepted; nothing is written.
        StackError: the installation is incomplete.
    """
    origin = source or asset("alerts", "slo.yaml")
    return write_whole(destination or origin.with_name("objectives.yaml"), rendered(origin))


def is_current(source: Path | None = None) -> bool:
    """Whether the rule file beside *source* is what it makes.

    Raises:
        ConfigError: an objective is not accepted.
        StackError: the installation is incomplete.
    """
    origin = source or asset("alerts", "slo.yaml")
    made = origin.with_name("objectives.yaml")
    return made.is_file() and made.read_text(encoding="utf-8") == rendered(origin)


def _group(name: str, interval: str, rules: list[Rule]) -> Group:
    return {"name": name, "interval": interval, "rules": rules}


def _record(one: Objective, name: str, expr: str) -> Rule:
    return {"record": name, "expr": expr, "labels": {"slo": one.name}}


def _increase(selector: str, window: str) -> str:
    return f"sum by (service_name) (increase({selector}[{window}]))"


def _all(one: Objective, window: str) -> Rule:
    return _record(one, _ALL + window, _increase(one.sli.total, window))


def _bad(one: Objective, window: str) -> Rule:
    if one.sli.good:
        events = f'{_ALL}{window}{{slo="{one.name}"}}'
        expr = f"{events}\n- on (service_name) {_increase(one.sli.good, window)}\n"
    else:  # a service that never failed may have no series of failures
        expr = f"{_increase(one.sli.bad, window)}\nor on (service_name) 0 * {_ALL}{window}{_mine(one)}\n"
    return _record(one, _BAD + window, expr)


def _ratio(one: Objective, window: str) -> Rule:
    return _record(one, _RATIO + window, f"{_BAD}{window}{_mine(one)} / ({_ALL}{window} > 0)")


def _promise(one: Objective) -> Rule:
    expr = (
        f'label_replace(vector({(one.percent / 100).normalize():f}), "service_name", "{one.service}", "", "")'
    )
    return _record(one, "slo:objective:ratio", expr)


def _remaining(one: Objective) -> Rule:
    """Sums of hourly counts over the window: each event is in as many of them, so their ratio is that of the events."""
    mine = _mine(one)
    bad, total = (f"sum_over_time({name}1h{mine}[{one.window}])" for name in (_BAD, _ALL))
    return _record(one, _LEFT, f"1\n- {bad}\n/ (({total} > 0) * {one.allowed:f})\n")


def _mine(one: Objective) -> str:
    return f'{{service_name="{one.service}", slo="{one.name}"}}'


def _alert(one: Objective, pair: Pair) -> Rule:
    limit = f"{one.factor(pair)} * {one.allowed:f}"
    return {
        "alert": one.sli.alert,
        "expr": (
            f"{_RATIO}{pair.long}{_mine(one)} > {limit}\n"
            f"and {_RATIO}{pair.short} > {limit}\n"
            f"and {_BAD}{pair.long} >= {one.floor}\n"
            "unless on (service_name) service:down_alerts:count\n"
        ),
        "for": pair.wait,
        "labels": {
            "severity": pair.severity,
            "slo": one.name,
            "long_window": pair.long,
            "short_window": pair.short,
            "category": one.sli.category,
            "team": one.owner,
        },
        "annotations": dict(_texts(one, pair)),
    }


def _texts(one: Objective, pair: Pair) -> Iterator[tuple[str, str]]:
    yield "summary", f"{_SERVICE} {one.sli.summary.format(percent=one.percent)}"
    share = f"{{{{ $value | humanizePercentage }}}} {one.sli.events} over {pair.long}"
    yield "description", f"{share}, and the last {pair.short} are over the limit too. {_gone(one, pair)}"
    yield "impact", one.sli.impact
    yield "action", one.sli.action
    yield "runbook_url", f"{_RUNBOOKS}/{one.sli.alert}"
    yield "dashboard_url", board_url("obskit-service", _SERVICE)
    selector = one.sli.logs if one.sli.logs.startswith(",") else "}" + one.sli.logs
    yield "logs_url", logs_url(f'{{service_name="{_SERVICE}"{selector}')


def _gone(one: Objective, pair: Pair) -> str:
    """Say in plain words how long the budget lasts at the rate of the short window, by a query of Prometheus."""
    days = parse_duration(one.window) // 86_400_000
    seconds = f"{days * 86_400 * one.allowed:f}".rstrip("0").rstrip(".")
    query = f"{seconds} / {_RATIO}{pair.short}{_mine(one)}".replace('"', "'")
    return (
        f'{{{{ with query "{query}" }}}}At this rate the {days}-day error budget is gone in '
        "{{ . | first | value | humanizeDuration }}.{{ end }}"
    )
