"""Alerting: do rules run, do alerts leave, and does somebody take the pages."""

from obskit import boards as kit
from obskit.boards import About, Board, Column, Line, Onward, Panel, Row, Scale, Threshold
from obskit.catalog import ACKNOWLEDGE_DURATION, INCIDENTS, NOTIFICATIONS, RESOLVE_DURATION

_SEVERITY = 'severity=~"$severity"'
_ANY = (Threshold(1),)
_PROMETHEUS, _ALERTMANAGER = kit.PrometheusMetrics, kit.AlertmanagerMetrics
_ALL = (kit.logs_link(), kit.traces_link(kit.CHOSEN))
_PAGER = (
    kit.PageLink("Incidents", "http://127.0.0.1:8601/incidents"),
    kit.logs_link("pager", title="Logs of the pager"),
    kit.traces_link("pager", title="Traces of the pager"),
)
_WATCH = ("Watchdog", "PrometheusConfigRejected", "AlertmanagerConfigRejected")
_SENDING = ("PrometheusNotificationsFailing",)
_NOTIFYING = ("AlertmanagerNotificationsFailing",)
_NEXT = (kit.next_board("telemetry", "Telemetry"),)


def board() -> Board:
    """Return the board."""
    return Board(
        name="alerting",
        title="Alerting and the pager",
        question="Would a page reach somebody now, and who takes those that did?",
        how_to_read="Along the way of a page: rules in Prometheus, routes in Alertmanager, incidents in the pager.",
        when_paged=(
            "**Watchdog and configuration** red: find the first link of the chain that is red; nothing behind it works. "
            "Incidents stay triggered: pages do not reach a person, see **Notifications of the pager**."
        ),
        variables=(
            kit.services(kit.UP),
            kit.pick("severity", "Severity", kit.ALERTS, "severity", 'severity=~"page|ticket"'),
        ),
        rows=(
            Row("", (_open(), _firing(), _rule_failures(), _sent_now(), _failed_now(), _acknowledged())),
            Row("The way of a page", (_watchdog(), _alerts_sent(), _notifications())),
            Row("Rules", (_rules(), _missed(), _course())),
            Row("The pager", (_incidents(), _pages(), _times())),
            Row("What fires and what was said", (_alerts(), _log_lines())),
        ),
    )


def _firing() -> Panel:
    about = About(
        "Alerts that fire",
        "Alerts that fire now, of the chosen services and severities.",
        "0 pages; a few tickets are work for the day.",
        "See What fires for each, with its runbook.",
        none="no target",
    )
    return kit.number(about, kit.firing(_SEVERITY), Scale("none", _ANY), Onward((*_PAGER, *_ALL)))


def _sent_now() -> Panel:
    about = About(
        "Alerts sent",
        "Alerts a second that Prometheus sends to Alertmanager.",
        "Above 0: Watchdog always fires.",
        "0: Prometheus does not find Alertmanager, or evaluates no rules.",
        none="Prometheus is not scraped",
    )
    return kit.number(about, kit.per_second(_PROMETHEUS.SENT), Scale("ops"), Onward(_PAGER, _SENDING))


def _failed_now() -> Panel:
    about = About(
        "Failed notifications",
        "Notifications of Alertmanager within the shown range that were not sent.",
        "0.",
        "See Notifications of Alertmanager for the receiver; its log names the error.",
        none="Alertmanager is not scraped",
    )
    expr = kit.increase(_ALERTMANAGER.FAILED)
    return kit.over_range(about, expr, Scale("none", _ANY), Onward(_PAGER, _NOTIFYING, _NEXT))


def _acknowledged() -> Panel:
    about = About(
        "Time to acknowledge",
        "Mean time until somebody took an incident, over the shown range.",
        "Minutes.",
        "Longer: pages do not reach people, see Notifications of the pager.",
        none="no incident",
        empty="no incident; filled by the fault inventory-errors",
    )
    expr = kit.mean(ACKNOWLEDGE_DURATION, window=kit.RANGE)
    return kit.over_range(about, expr, Scale("s"), Onward(_PAGER))


def _course() -> Panel:
    about = About(
        "Alerts over time",
        "How many alerts fired, by name.",
        "No line.",
        "One that comes and goes has too short a window, or a cause that does.",
        none="nothing fired",
        empty="nothing fires on a healthy system; filled by the fault inventory-errors",
    )
    of = (Line(kit.firing(_SEVERITY, by=("alertname",)), "{{alertname}}"),)
    return kit.stack(about, of, Scale("none"), Onward((*_PAGER, *_ALL)))


def _alerts() -> Panel:
    about = About(
        "What fires",
        "Alerts that fire now, with their service.",
        "None.",
        "Click a row for the runbook; the board of the service is behind the second link.",
        none="nothing fires",
        empty="nothing fires on a healthy system; filled by the fault inventory-errors",
    )
    by = ("alertname", "service_name", "severity")
    columns = (Column("Firing", "none", kit.firing(_SEVERITY, by=by)),)
    service = kit.row("Service")
    links = (
        kit.PageLink("Runbook", f"{kit.RUNBOOKS}/{kit.row('Alert')}"),
        kit.BoardLink("Board of this service", "obskit-service", (("service", service),)),
        kit.logs_link(service),
    )
    keys = {"alertname": "Alert", "service_name": "Service", "severity": "Severity"}
    return kit.rows(about, keys, columns, Onward(links), width=12)


def _log_lines() -> Panel:
    about = About(
        "What the pager says",
        "Incidents, pages, refused events and missed heartbeats.",
        "Nothing but starts.",
        "page.failed: the way to a person is broken. watchdog.missed: Prometheus or Alertmanager is.",
        none="none in the shown range",
        empty="nothing happens; filled by the fault inventory-errors",
    )
    events = ("incident.", "page.", "event.refused", "watchdog.", "store.failed")
    return kit.log_events(about, *events, of='service_name="pager"', width=12)


def _open() -> Panel:
    about = About(
        "Open incidents",
        "Incidents that the pager has triggered or that somebody acknowledged, of high urgency.",
        "0.",
        "Open the list of incidents.",
        none="no pager",
    )
    expr = kit.total(INCIDENTS, 'status!="resolved"', 'urgency="high"')
    return kit.number(about, expr, Scale("none", _ANY), Onward(_PAGER))


def _rule_failures() -> Panel:
    about = About(
        "Failed rules",
        "Evaluations of rules that failed within the shown range.",
        "0.",
        "Prometheus' page Rules names the error; a failed rule alerts nobody.",
        none="Prometheus is not scraped",
    )
    return kit.over_range(
        about,
        kit.increase(_PROMETHEUS.RULE_FAILURES),
        Scale("none", _ANY),
        Onward(_ALL, runbooks=("PrometheusRulesFailing",)),
    )


def _rules() -> Panel:
    about = About(
        "Duration of rule groups",
        "How long the last evaluation of each group took; the group file is in its name.",
        "Far below the group's interval.",
        "Near the interval: evaluations are left out, and alerts come late.",
        none="Prometheus is not scraped",
    )
    of = (Line(kit.highest(_PROMETHEUS.RULE_DURATION, by=("rule_group",)), "{{rule_group}}"),)
    return kit.graph(about, of, Scale("s"), Onward(_ALL))


def _missed() -> Panel:
    about = About(
        "Rules that failed or were left out",
        "Evaluations a second that failed, and rounds that were left out.",
        "0.",
        "failed: Prometheus' page Rules names the error. left out: Prometheus is overloaded.",
        none="Prometheus is not scraped",
    )
    of = (
        Line(kit.per_second(_PROMETHEUS.RULE_FAILURES), "failed", colour="red"),
        Line(kit.per_second(_PROMETHEUS.RULE_MISSED), "left out", colour="orange"),
    )
    return kit.graph(about, of, Scale("ops"), Onward(_ALL, runbooks=("PrometheusRulesFailing",)))


def _watchdog() -> Panel:
    about = About(
        "Watchdog and configuration",
        "Whether the alert that always fires does, and whether the configurations were accepted.",
        "Green throughout.",
        "Follow the runbook from Prometheus to the pager: no page reaches anybody while it is red.",
        none="Prometheus is not scraped",
    )
    fires = f'max({kit.ALERTS.name}{{alertname="Watchdog", alertstate="firing"}})'
    of = (
        Line(kit.or_zero(fires, f"max({kit.UP.name})"), "Watchdog"),
        Line(kit.lowest(_PROMETHEUS.RELOADED), "rules of Prometheus"),
        Line(kit.lowest(_ALERTMANAGER.RELOADED), "routes of Alertmanager"),
    )
    return kit.states(about, of, kit.UP_OR_DOWN, Onward(_PAGER, _WATCH), width=8)


def _alerts_sent() -> Panel:
    about = About(
        "Alerts sent to Alertmanager",
        "Alerts a second that Prometheus sends, and those that were not taken.",
        "Sent above 0: Watchdog always fires. Errors 0.",
        "Errors: Alertmanager is down; see Targets.",
        none="Prometheus is not scraped",
    )
    of = (
        Line(kit.per_second(_PROMETHEUS.SENT), "sent", colour="green"),
        Line(kit.per_second(_PROMETHEUS.SEND_ERRORS), "not taken", colour="red"),
    )
    return kit.graph(about, of, Scale("ops"), Onward(_PAGER, _SENDING))


def _notifications() -> Panel:
    about = About(
        "Notifications of Alertmanager",
        "Notifications a second, and those that failed, by receiver.",
        "webhook in step with Watchdog; nothing failed.",
        "Failed: the pager is down, or its routing key is wrong.",
        none="Alertmanager is not scraped",
    )
    by = ("integration",)
    of = (
        Line(kit.happening(kit.per_second(_ALERTMANAGER.SENT, by=by)), "{{integration}}"),
        Line(
            kit.happening(kit.per_second(_ALERTMANAGER.FAILED, by=by)), "{{integration}} failed", colour="red"
        ),
    )
    return kit.graph(about, of, Scale("ops"), Onward(_PAGER, _NOTIFYING))


def _incidents() -> Panel:
    about = About(
        "Incidents",
        "Incidents that the pager keeps, by urgency and status.",
        "None triggered.",
        "triggered: nobody has taken it yet; it escalates.",
        none="no pager",
    )
    of = (Line(kit.total(INCIDENTS, by=("urgency", "status")), "{{urgency}} {{status}}"),)
    return kit.graph(about, of, Scale("none"), Onward(_PAGER))


def _pages() -> Panel:
    about = About(
        "Notifications of the pager",
        "Notifications a second, by notifier and outcome.",
        "ok.",
        "failed: the way to a person is broken; the pager tries the others.",
        none="no pager",
    )
    of = (Line(kit.per_second(NOTIFICATIONS, by=("integration", "outcome")), "{{integration}} {{outcome}}"),)
    return kit.stack(about, of, Scale("ops"), Onward(_PAGER, runbooks=("PagerNotificationsFailing",)))


def _times() -> Panel:
    about = About(
        "Until acknowledged and resolved",
        "Mean time from an incident's opening to its acknowledgement and to its end, over the shown range.",
        "Minutes to acknowledge.",
        "Long to acknowledge: pages do not reach people. Long to resolve: runbooks lack something.",
        none="no incident in the shown range",
        empty="no incident; filled by the fault inventory-errors",
    )
    of = (
        Line(kit.mean(ACKNOWLEDGE_DURATION, window=kit.RANGE), "acknowledged (MTTA)"),
        Line(kit.mean(RESOLVE_DURATION, window=kit.RANGE), "resolved (MTTR)"),
    )
    return kit.bars(about, of, Scale("s"), Onward(_PAGER))
