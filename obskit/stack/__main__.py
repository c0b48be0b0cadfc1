"""The processes that ``obskit up`` starts itself: ``python -m obskit.stack supervise|keep|expire HOME``."""

import argparse
import logging
import os
import sys
import time
from pathlib import Path

from obskit.stack._home import Home


def main() -> int:
    """Run the supervisor or the keeper of one home folder; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m obskit.stack", description=__doc__)
    parser.add_argument("role", choices=["supervise", "keep", "expire"])
    parser.add_argument("home", type=Path)
    parser.add_argument("--level", type=int, default=100, help="of the fault that expire prepares")
    arguments = parser.parse_args()
    os.umask(0o077)
    _log_to_stdout()
    home = Home.at(arguments.home)
    if arguments.role == "keep":
        from obskit.stack._keeper import keep

        return keep(home)
    if arguments.role == "expire":
        from obskit.stack._traefik import expire

        expire(home, arguments.level)
        return 0
    from obskit.stack._supervisor import supervise

    return supervise(home)


def _log_to_stdout() -> None:
    # The output is the file logs/supervisor.log or logs/keeper.log.
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler])


if __name__ == "__main__":
    sys.exit(main())
