"""Writes what the containers read instead of the committed files: one token, and rules in other time."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from obskit import rules
from obskit._assets import asset
from obskit.errors import StackError
from obskit.stack._home import Home
from obskit.stack._ports import LOOPBACK
from obskit.stack._prometheus import scrape_interval_s

__all__ = ["adopt_token", "seed_token", "write_scaled"]

_ROUTING_KEY = Path("/run/secrets/pagerduty_routing_key")
_READABLE = 0o644
"""The servers run as users that do not exist on this machine; a mounted file keeps its mode."""


def write_scaled(home: Home, time_scale: float) -> Mapping[str, str]:
    """Write rules, routes and scrapes that run *time_scale* times faster; returns the variables that name them.

    The variables are those of ``compose.yaml``; there are none at time scale 1.

    Raises:
        ConfigError: the time scale is not accepted.
        StackError: the files cannot be written.
    """
    if time_scale == 1:
        return {}
    interval_s = scrape_interval_s(time_scale)
    alerts, prometheus = (home.root / "compose" / name for name in ("alerts", "prometheus"))
    config = yaml.safe_load((asset("compose") / "prometheus" / "prometheus.yml").read_text("utf-8"))
    times = ("scrape_interval", "scrape_timeout", "evaluation_interval")
    config["global"] |= dict.fromkeys(times, f"{interval_s}s")
    try:
        rules.write_native(
            alerts,
            factor=time_scale,
            scrape_interval_s=interval_s,
            pager_url=f"http://{LOOPBACK}:8601",
            # Whoever follows a link in a hurry is not asked for a password there.
            board_url=f"http://{LOOPBACK}:8600",
            routing_key_file=_ROUTING_KEY,
            alertmanager_pager_url="http://pager:8601",
        )
        prometheus.mkdir(exist_ok=True)
        (prometheus / "prometheus.yml").write_text(yaml.safe_dump(config, sort_keys=False), "utf-8")
        for folder in (alerts, prometheus):
            folder.chmod(0o755)
            for path in folder.iterdir():
                path.chmod(_READABLE)
    except OSError as error:
        msg = f"The rules in {alerts} cannot be written: {error.strerror}."
        raise StackError(msg, fix="choose another folder with --home") from error
    # A stack in a hurry is there to be broken: its load goes where faults are, and is what two cores carry
    # that are asked for numbers each second.
    load = {"LOAD_MODE": "faults", "LOAD_RATE": "8"}
    return {"ALERTS_DIR": str(alerts), "PROMETHEUS_DIR": str(prometheus), **load}


def seed_token(home: Home, secrets: Path) -> None:
    """Give containers without an admin token the one that the commands of obskit have.

    Raises:
        OSError: a file cannot be written.
    """
    theirs = secrets / "admin_token"
    if not theirs.exists():
        secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
        theirs.write_text(home.token(), encoding="ascii")


def adopt_token(home: Home, secrets: Path) -> None:
    """Let the commands of obskit have the admin token of the containers: ``init.sh`` may have been first.

    Raises:
        OSError: a file cannot be read or written.
    """
    # The file is there, readable by its owner only, and stays so.
    home.admin_token.write_bytes((secrets / "admin_token").read_bytes())
