"""Real databases: SQLite files, and one PostgreSQL server for the tests of this folder."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import URL

START_WITHIN_S = 90


def newest_server() -> Path:
    """The programs of Debian's newest PostgreSQL, or of the one on PATH."""
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[-3])
    )
    found = shutil.which("postgres")
    assert debian or found, "the tests need a PostgreSQL server: apt-get install postgresql"
    return (debian[-1] if debian else Path(str(found))).parent


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[int]:
    """Start PostgreSQL on a free port of loopback and give the port; it refuses to run as root."""
    user = "postgres" if os.geteuid() == 0 else getpass.getuser()
    programs = newest_server()
    folder = Path(tempfile.mkdtemp(prefix="obskit-pg-"))
    shutil.chown(folder, user)
    data = folder / "data"
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
        user=user,
        cwd=folder,
        check=True,
        capture_output=True,
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    options = {"fsync": "off", "max_connections": "40", "unix_socket_directories": str(folder)}
    command = [programs / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port)]
    command += [f"--{name}={value}" for name, value in options.items()]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, user=user, cwd=folder, stdout=log, stderr=log)
    try:
        wait_until_it_answers(port, folder / "log")
        yield port
    finally:
        server.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
        server.wait(30)
        shutil.rmtree(folder)


def wait_until_it_answers(port: int, log: Path) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    while True:
        try:
            psycopg.connect(host="127.0.0.1", port=port, user="postgres", dbname="postgres").close()
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        else:
            return


@pytest.fixture
def postgresql(postgresql_server: int) -> Callable[[str], URL]:
    """Give the address of an empty database for a driver: ``postgresql("asyncpg")``."""
    where = {"host": "127.0.0.1", "port": postgresql_server, "user": "postgres", "dbname": "postgres"}
    with psycopg.connect(autocommit=True, **where) as admin:
        # Quicker than a database for each test; what a test has left behind is gone.
        admin.execute("SET client_min_messages = warning")
        admin.execute("DROP SCHEMA IF EXISTS public, hidden CASCADE")
        admin.execute("CREATE SCHEMA public")
    return lambda driver: URL.create(
        f"postgresql+{driver}", "postgres", None, "127.0.0.1", postgresql_server, "postgres"
    )


@pytest.fixture
def sqlite(tmp_path: Path) -> Callable[[str], URL]:
    """Give the address of one SQLite file for a driver: ``sqlite("aiosqlite")``."""
    return lambda driver: URL.create(f"sqlite+{driver}", database=str(tmp_path / "shop.db"))
