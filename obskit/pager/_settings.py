"""What one pager is started with."""

from dataclasses import dataclass, field
from pathlib import Path

from obskit.pager._store import Retention

__all__ = ["PagerSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerSettings:
    """The secrets and limits of one pager; its secrets never show in a repr."""

    routing_key: str = field(repr=False)
    """What senders must give, 32 letters and digits."""
    admin_token: str = field(repr=False)
    """What acknowledging and resolving through the API takes."""
    base_url: str = "http://127.0.0.1:8601"
    """The address that pages and links name."""
    hosts: tuple[str, ...] = ()
    """More names of this machine that requests may use, beside that of *base_url* and addresses."""
    deadman_s: float = 300.0
    """Seconds without a Watchdog heartbeat after which the monitoring counts as down."""
    retry_s: float = 5.0
    """Seconds until a notification that failed is tried again; they double with each failure."""
    retry_max_s: float = 300.0
    """The longest that a notification waits for its next try, in seconds."""
    send_timeout_s: float = 10.0
    """Seconds that one notifier may take."""
    events_per_s: float = 1_000.0
    """Events a second that are taken; more are answered with 429. A burst may be twice as many."""
    max_open: int = 10_000
    """Open incidents that are kept; what would open one more is answered with 429."""
    fail: tuple[int, ...] = ()
    """HTTP statuses that the first events are answered with, to try the sender's retries."""
    retention: Retention = field(default_factory=Retention)
    runbooks: Path | None = None
    """Folder of the runbooks; None is the one that obskit ships."""
