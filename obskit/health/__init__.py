"""Liveness, readiness with named checks, and draining."""

from obskit.health._checks import Health
from obskit.health._drain import drain_on_sigterm

__all__ = ["Health", "drain_on_sigterm"]
