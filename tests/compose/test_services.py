"""The sample services as compose.yaml starts them, on this machine: its commands, environment and files.

Containers are left out; PostgreSQL, Redis, NATS and Traefik are real and read the shipped files.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import pytest

pytestmark = pytest.mark.prove

SERVICES = (
    "provider",
    "smtp",
    "users",
    "inventory",
    "payments",
    "orders",
    "notifications",
    "gateway",
    "gateway-2",
)
_ADDRESS = re.compile(r"(?P<before>//(?:\w+@)?)(?P<host>[a-z][a-z0-9-]*):(?P<port>\d+)")


class Site:
    """A folder, the ports of this machine for those of the containers, and the programs that run."""

    def __init__(self, root, free_port, ending):
        self.root, self._free_port, self._ending, self._ports = root, free_port, ending, {}
        self.processes = {}

    def port(self, host, port):
        found = self._ports.get((host, str(port)))
        # Below those that the system gives to connections, for much time passes before it is bound.
        while found is None or found > 32_000:
            found = self._free_port() // 2
        return self._ports.setdefault((host, str(port)), found)

    def moved(self, text, host=""):
        """Return *text* of a container *host* with the addresses and paths of this machine."""

        def address(found):
            return f"{found['before']}127.0.0.1:{self.port(found['host'], found['port'])}"

        text = _ADDRESS.sub(address, str(text)).replace("/run/secrets", str(self.root / "secrets"))
        text = text.replace("0.0.0.0", "127.0.0.1")
        return re.sub(r"^--port=(\d+)$", lambda found: f"--port={self.port(host, found[1])}", text)

    def start(self, name, command, user=None, **environment):
        with (self.root / f"{name}.out").open("wb") as out:
            process = subprocess.Popen(
                [str(part) for part in command],
                env={"PATH": os.environ["PATH"], **environment},
                stdout=out,
                stderr=out,
                user=user,
                cwd=self.root,
            )
        self.processes[name] = process
        self._ending.callback(process.wait, 30)
        self._ending.callback(process.terminate)

    def said(self):
        ended = [name for name, process in self.processes.items() if process.poll() is not None]
        return {name: (self.root / f"{name}.out").read_text()[-1500:] for name in ended}

    def ask(self, port, path, **options):
        """Return the status and the JSON of an answer; 0 while nobody answers."""
        asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", **options)
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                text = answer.read()
                status = answer.status
        except urllib.error.HTTPError as error:
            return error.code, None
        except OSError:
            return 0, None
        with contextlib.suppress(ValueError):
            return status, json.loads(text)
        return status, text


@pytest.fixture
def site(free_port, folder):
    # Not below pytest's folder: the user postgres has to pass through.
    with tempfile.TemporaryDirectory(prefix="obskit-site-") as name:
        Path(name).chmod(0o755)
        yield from made_site(Path(name), free_port, folder)


def made_site(root, free_port, folder):
    environment = {"PATH": os.environ["PATH"], "SECRETS_DIR": str(root / "secrets")}
    subprocess.run(["sh", folder / "init.sh"], env=environment, check=True, capture_output=True)
    (root / "secrets").chmod(0o755)
    with contextlib.ExitStack() as ending:
        yield Site(root, free_port, ending)


def postgres(site, folder, wait_for):
    """Start PostgreSQL with the shipped file, and make the databases with the shipped script."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
    data, port = site.root / "pg", site.port("postgres", 5432)
    shipped = site.root / "postgres"
    shutil.copytree(folder / "postgres", shipped)
    data.mkdir()
    shutil.chown(data, "postgres")
    password = f"--pwfile={site.root / 'secrets' / 'postgres_password'}"
    made = [programs / "initdb", f"--pgdata={data}", "--username=postgres", "--auth=scram-sha-256", password]
    subprocess.run(made, user="postgres", check=True, capture_output=True, cwd="/")
    site.start(
        "postgres",
        [
            *(programs / "postgres", "-D", data, "-c", f"config_file={shipped / 'postgresql.conf'}"),
            *(
                "-c",
                f"port={port}",
                "-c",
                f"unix_socket_directories={data}",
                "-c",
                "listen_addresses=127.0.0.1",
            ),
        ],
        user="postgres",
    )
    ready = [programs / "pg_isready", "--quiet", "--host=127.0.0.1", f"--port={port}", "--username=postgres"]
    wait_for(
        lambda: subprocess.run(ready, check=False).returncode == 0, f"PostgreSQL {site.said()}", within_s=60
    )
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(port),
        "PGPASSWORD": (site.root / "secrets" / "postgres_password").read_text(),
        "DATABASE_PASSWORD_FILE": str(site.root / "secrets" / "database_password"),
    }
    subprocess.run(["sh", shipped / "10-services.sh"], env=environment, check=True)


def redis(site, folder):
    config = site.moved((folder / "redis" / "redis.conf").read_text())
    path = site.root / "redis.conf"
    path.write_text(config.replace("port 6379", f"port {site.port('redis', 6379)}"))
    site.start("redis", ["redis-server", path])


def nats(site, folder):
    config = (folder / "nats" / "nats.conf").read_text()
    config = config.replace("port: 4222", f'listen: "127.0.0.1:{site.port("nats", 4222)}"')
    config = config.replace("http_port: 8222", f'http: "127.0.0.1:{site.port("nats", 8222)}"')
    path = site.root / "nats.conf"
    path.write_text(config.replace('"/data"', f'"{site.root / "nats"}"'))
    site.start("nats", [Path(sys.executable).with_name("nats-server"), "-c", path])


def traefik(site, folder):
    static, routes = site.root / "traefik.yaml", site.root / "routes.yaml"
    text = (folder / "traefik" / "traefik.yaml").read_text().replace("/etc/traefik/routes.yaml", str(routes))
    for port in ("8080", "8443", "8090"):
        text = text.replace(f"address: :{port}", f'address: "127.0.0.1:{site.port("traefik", port)}"')
    static.write_text(site.moved(text))
    routes.write_text(site.moved((folder / "traefik" / "routes.yaml").read_text()))
    site.start("traefik", [Path(sys.executable).with_name("traefik"), f"--configFile={static}"])


@pytest.fixture
def running(site, folder, parsed, wait_for):
    """Everything of the profile samples, ready."""
    postgres(site, folder, wait_for)
    redis(site, folder)
    nats(site, folder)
    for name in SERVICES:
        one = parsed["services"][name]
        home = site.root / "home" / name
        environment = {key: site.moved(value) for key, value in one["environment"].items()}
        environment |= {
            "OBSKIT_HOME": str(home),
            "OBSKIT_LOG_DIR": str(site.root / "logs" / name),
            "OTEL_TRACES_EXPORTER": "none",
            "PYTHONPATH": str(folder.parent),
        }
        command = [site.moved(part, name) for part in one["command"]]
        site.start(name, [sys.executable, *command[1:]], **environment)
    traefik(site, folder)
    for name in SERVICES:
        test = parsed["services"][name]["healthcheck"]["test"]
        check = re.sub(
            r"(127\.0\.0\.1)(:|', )(\d+)", lambda m, n=name: f"{m[1]}{m[2]}{site.port(n, m[3])}", test[-1]
        )
        wait_for(
            lambda check=check: (
                subprocess.run([sys.executable, "-c", check], check=False, capture_output=True).returncode
                == 0
            ),
            f"{name} {site.said()}",
            within_s=300,
        )
    return site


def test_an_order_goes_both_ways_through_the_door_with_postgresql_and_redis(running, wait_for):
    site = running
    door = site.port("traefik", 8080)
    wait_for(lambda: site.ask(door, "/api/products")[0] == 200, "the catalogue, for anybody", within_s=300)
    passwords = json.loads((site.root / "home/users/secrets/demo_users.json").read_text())
    login = json.dumps({"name": "alice", "password": passwords["alice"]}).encode()
    headers = {"Content-Type": "application/json"}
    status, token = site.ask(door, "/api/auth/login", data=login, headers=headers)
    assert status == 200
    headers |= {"Authorization": f"Bearer {token['access_token']}"}
    order = json.dumps({"sku": "TEA-GREEN", "quantity": 2}).encode()
    assert (
        site.ask(door, "/api/orders?mode=sync", data=order, headers={"Content-Type": "application/json"})[0]
        == 401
    )
    status, done = site.ask(door, "/api/orders?mode=sync", data=order, headers=headers)
    assert (status, done["state"]) == (201, "completed")
    status, accepted = site.ask(door, "/api/orders?mode=async", data=order, headers=headers)
    assert status == 202

    def state():
        return site.ask(door, f"/api/orders/{accepted['id']}", headers=headers)[1]["state"] == "completed"

    wait_for(state, "the end of the asynchronous order", within_s=300)
    assert site.ask(door, "/readyz")[0] == 404
    assert site.ask(door, "/admin/faults")[0] == 404
    cannot_open_the_database_of_another(site)


def cannot_open_the_database_of_another(site):
    environment = {
        **os.environ,
        "PGPASSWORD": (site.root / "secrets" / "database_password").read_text(),
    }
    command = ["psql", "--host=127.0.0.1", f"--port={site.port('postgres', 5432)}", "--command=SELECT 1"]
    own, other = (
        subprocess.run(
            [*command, "--username=users", f"--dbname={name}"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        for name in ("users", "orders")
    )
    assert own.returncode == 0
    assert other.returncode != 0
    assert "permission denied" in other.stderr
