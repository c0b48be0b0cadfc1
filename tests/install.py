"""Installs what only the tests need, besides the stack's own programs: ``make test`` runs it."""

import sys

from obskit.stack import install
from obskit.stack._binaries import PROGRAMS, Program

TEST_PROGRAMS = (
    # The wrapper: Debian keeps the server itself off PATH.
    Program("postgresql", ("pg_ctlcluster", "postgres"), apt="postgresql", brew="postgresql"),
    Program("redis", ("redis-server",), apt="redis-server", brew="redis"),
    Program(
        "blackbox",
        ("prometheus-blackbox-exporter", "blackbox_exporter"),
        apt="prometheus-blackbox-exporter",
        brew="blackbox_exporter",
    ),
    # The old one of Debian: the file is for it too.
    Program("compose", ("docker-compose",), apt="docker-compose", brew="docker-compose"),
    Program("chromium", ("chromium",), apt="chromium", brew="chromium"),
)

if __name__ == "__main__":
    sys.exit(install.main([*PROGRAMS, *TEST_PROGRAMS]))
