"""The one number that only this service knows: what became of its mails."""

from prometheus_client import Counter

import obskit
from sample_services.mail import Mailer

__all__ = ["Counts"]

_KINDS = ("order", "bulk")
_OUTCOMES = ("sent", "bounced", "suppressed")


class Counts:
    """Mails by kind and outcome, and how often the provider said that it is too much."""

    def __init__(self, telemetry: obskit.Telemetry, mailer: Mailer) -> None:
        self._mails = Counter(
            "notifications_mails",
            "Mails by what became of them.",
            ("kind", "outcome"),
            registry=telemetry.registry,
        )
        for kind in _KINDS:
            for outcome in _OUTCOMES:
                self._mails.labels(kind, outcome)
        throttled = Counter(
            "notifications_mails_throttled",
            "How often the mail provider said that it is too much.",
            registry=telemetry.registry,
        )
        mailer.on_throttled = throttled.inc

    def add(self, kind: str, outcome: str) -> None:
        """Count one mail."""
        self._mails.labels(kind, outcome).inc()
