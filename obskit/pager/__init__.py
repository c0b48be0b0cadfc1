"""A pager for one machine: takes PagerDuty events, keeps incidents, tells people.

It speaks PagerDuty's Events API v2, so Alertmanager pages it with the configuration
that would page the real one. Start it with ``python -m obskit.pager --home .obskit``;
it listens on 127.0.0.1 only.
"""

from obskit.pager._app import create_app
from obskit.pager._clock import Clock
from obskit.pager._config import PagerConfig, load_config
from obskit.pager._details import readable
from obskit.pager._errors import InvalidEventError, NotifyError, RefusedError
from obskit.pager._export import as_markdown
from obskit.pager._incident import Entry, Incident, Link
from obskit.pager._notify import Console, Notifier, Page
from obskit.pager._operations import changes_near
from obskit.pager._policy import Level, Policy
from obskit.pager._settings import PagerSettings
from obskit.pager._store import Retention, Store

__all__ = [
    "Clock",
    "Console",
    "Entry",
    "Incident",
    "InvalidEventError",
    "Level",
    "Link",
    "Notifier",
    "NotifyError",
    "Page",
    "PagerConfig",
    "PagerSettings",
    "Policy",
    "RefusedError",
    "Retention",
    "Store",
    "as_markdown",
    "changes_near",
    "create_app",
    "load_config",
    "readable",
]
