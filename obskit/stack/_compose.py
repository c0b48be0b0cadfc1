"""Starts and ends the stack in containers: Docker Compose does the work, this tells it what and waits."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from obskit._assets import asset
from obskit.errors import StackError
from obskit.stack import _holders
from obskit.stack._boards import keep_boards
from obskit.stack._compose_files import adopt_token, seed_token, write_scaled
from obskit.stack._home import Home
from obskit.stack._ports import LOOPBACK

__all__ = ["Container", "compose_down", "compose_status", "compose_up"]

PROFILES = "core,agents,samples,load"
"""Everything that may run; what starts is chosen in ``versions.env`` or by ``COMPOSE_PROFILES``."""

_NATIVE = "obskit up --backend native"
_WAIT_S = 600.0  # a first start pulls and builds before, and this begins after that
_POLL_S = 1.0
_QUICK_S = 60.0
_WORDS = 20
_BUILDKIT_SINCE = 23  # of Docker: the builder that heeds sample.Dockerfile.dockerignore is the default


@dataclass(frozen=True, slots=True)
class Container:
    """One container: the service that it runs, Docker's word for its state, and for its health.

    *health* is empty where the image has nothing that could be asked.
    """

    service: str
    state: str
    health: str = ""

    @property
    def is_ready(self) -> bool:
        """Whether it runs and, where that can be asked, says that it is well."""
        return self.state == "running" and self.health in {"", "healthy"}


Report = Callable[[Sequence[Container]], object]


def compose_up(
    home: Home, report: Report, *, boards: Sequence[Path] = (), time_scale: float = 1, wait_s: float = _WAIT_S
) -> tuple[Container, ...]:
    """Build, start and wait until every container is ready; returns them by service.

    *report* is called with all containers each time they were looked at. Grafana and the console show
    *boards* beside the shipped ones. Rules, scrapes and routes run *time_scale* times faster than written.

    Raises:
        ConfigError: one of the boards is none, or the time scale is not accepted.
        StackError: Docker or Compose is missing or refuses, or something did not become healthy
            within *wait_s* seconds. What runs then is left running, so that it can be looked at.
    """
    compose = _Compose.find(home)
    _refuse_installed()
    home.create()
    keep_boards(home, boards)
    compose.make_secrets(home)
    compose = replace(compose, environment={**compose.environment, **write_scaled(home, time_scale)})
    compose.start()
    adopt_token(home, compose.secrets)
    deadline = time.monotonic() + wait_s
    while True:
        found = compose.containers()
        report(found)
        waiting = [one for one in found if not one.is_ready]
        if found and not waiting:
            return found
        if time.monotonic() > deadline:
            raise compose.unready(waiting)
        time.sleep(_POLL_S)


def compose_down(home: Home, *, wipe: bool = False) -> bool:
    """End all containers; with *wipe* their data and secrets go too. Gives False when none ran.

    Raises:
        StackError: Docker or Compose is missing or refuses.
    """
    compose = _Compose.find(home, profiles=PROFILES)
    was_running = bool(compose.containers())
    compose.run("down", "--remove-orphans", *(("--volumes",) if wipe else ()), fix="obskit down again")
    if wipe:
        shutil.rmtree(compose.secrets.parent, ignore_errors=True)
    return was_running


def compose_status(home: Home) -> tuple[Container, ...]:
    """Return the containers of every profile, by service; none when nothing was started.

    Raises:
        StackError: Docker or Compose is missing or refuses.
    """
    return _Compose.find(home, profiles=PROFILES).containers()


@dataclass(frozen=True, slots=True)
class _Compose:
    command: tuple[str, ...]
    secrets: Path
    environment: Mapping[str, str]

    @classmethod
    def find(cls, home: Home, profiles: str = "") -> "_Compose":
        command = _command()
        client = _refuse_no_engine()
        secrets = home.root.absolute() / "compose" / "secrets"
        folders = {"SECRETS_DIR": str(secrets), "BOARDS_DIR": str(home.boards)}
        environment = {**_builder(client), **os.environ, **folders}
        if profiles:
            environment["COMPOSE_PROFILES"] = profiles
        return cls((*command, "--env-file", "versions.env"), secrets, environment)

    def make_secrets(self, home: Home) -> None:
        seed_token(home, self.secrets)
        asked = _run(("sh", "init.sh"), self.environment)
        if asked.returncode:
            msg = f"The secrets in {self.secrets} cannot be made."
            raise StackError(msg, fix="choose another folder with --home", output=_last(asked.stderr))

    def start(self) -> None:
        fix = "read the lines above; once they are mended: obskit up again"
        try:
            # One image for all services of ours: "up --build" would build it once for each of them.
            self.run("build", "pager", fix=fix)
            self.run("up", "--detach", fix=fix)
        except StackError:
            for message in self.taken():
                fix = "end that, then obskit up --backend compose again; obskit down ends the stack without containers"
                raise StackError(message, fix=fix) from None
            raise

    def taken(self) -> Iterator[str]:
        """Say for each port that a service wants to publish and another program has, who it is."""
        running = {one.service for one in self.containers() if one.state == "running"}
        services = yaml.safe_load((asset("compose") / "compose.yaml").read_text("utf-8"))["services"]
        address = self.environment.get("BIND") or LOOPBACK
        for name in sorted(services.keys() - running):
            for published in services[name].get("ports", []):
                number = int(published.rsplit(":", 2)[1])
                if not _is_free(address, number):
                    yield _holders.explain(name, number, "", address)[0]

    def run(self, *arguments: str, fix: str) -> None:
        """Run one command of Compose; what it says goes to the terminal as it says it."""
        # The result of obskit's own command goes to stdout, so that it can be piped.
        done = subprocess.run(  # noqa: S603 - Docker's own program, found on PATH
            [*self.command, *arguments], cwd=asset("compose"), env=self.environment, stdout=2, check=False
        )
        if done.returncode:
            msg = f"{' '.join((*self.command, *arguments))} failed with exit code {done.returncode}."
            raise StackError(msg, fix=fix)

    def containers(self) -> tuple[Container, ...]:
        listed = _run((*self.command, "ps", "--all", "--quiet"), self.environment)
        if listed.returncode:  # 1.29.2 on a project of which nothing was ever started
            listed = _run((*self.command, "ps", "--quiet"), self.environment)
        ids = listed.stdout.split()
        if not ids:
            return ()
        shown = _run(("docker", "inspect", *ids), self.environment)
        return tuple(sorted(map(_container, json.loads(shown.stdout or "[]")), key=lambda one: one.service))

    def unready(self, waiting: Sequence[Container]) -> StackError:
        names = [one.service for one in waiting]
        said = _run((*self.command, "logs", "--tail=5", *names), self.environment)
        states = ", ".join(f"{one.service} ({one.health or one.state})" for one in waiting)
        msg = f"Not ready in time: {states or 'no container runs'}."
        fix = f"docker logs of it, then obskit up again; or without containers: {_NATIVE}"
        return StackError(msg, fix=fix, output=_last(said.stdout))


def _command() -> tuple[str, ...]:
    if shutil.which("docker") and _run(("docker", "compose", "version"), os.environ).returncode == 0:
        return ("docker", "compose")
    if shutil.which("docker-compose"):
        return ("docker-compose",)
    msg = "Docker Compose is not installed: there is neither 'docker compose' nor docker-compose on PATH."
    raise StackError(msg, fix=f"install Docker with its compose plugin, or without containers: {_NATIVE}")


def _refuse_no_engine() -> str:
    """Return the version of the docker command, once the engine has answered it."""
    if shutil.which("docker") is None:
        msg = "The docker command is not installed, and with it is asked how the containers are."
        raise StackError(msg, fix=f"install Docker, or without containers: {_NATIVE}")
    asked = _run(("docker", "version", "--format", "{{.Client.Version}} {{.Server.Version}}"), os.environ)
    if asked.returncode and "permission denied" in asked.stderr.lower():
        msg = "This user may not use the Docker engine."
        fix = (
            f"sudo usermod --append --groups docker $USER and log in again, or without containers: {_NATIVE}"
        )
        raise StackError(msg, fix=fix, output=_last(asked.stderr))
    if asked.returncode:
        msg = "No Docker engine answers."
        fix = f"start it and see that you may use it (docker version), or without containers: {_NATIVE}"
        raise StackError(msg, fix=fix, output=_last(asked.stderr))
    return asked.stdout.partition(" ")[0]


def _builder(client: str) -> dict[str, str]:
    """Return the switch with which a client before 23 leaves out of a build what it is told to leave out."""
    major = client.partition(".")[0]
    return {"DOCKER_BUILDKIT": "1"} if major.isdecimal() and int(major) < _BUILDKIT_SINCE else {}


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((address, port))
        except OSError:
            return False
    return True


def _refuse_installed() -> None:
    if not (asset("compose").parent / "pyproject.toml").is_file():
        msg = (
            "This obskit was installed without its source, and the image of the services is built from that."
        )
        raise StackError(msg, fix=f"run it in a checkout of the repository, or without containers: {_NATIVE}")


def _run(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - Docker's own programs, found on PATH
            command,
            cwd=asset("compose"),
            env=dict(environment),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_QUICK_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", f"{command[0]}: {type(error).__name__}")


def _container(shown: Mapping[str, object]) -> Container:
    config, state = shown.get("Config"), shown.get("State")
    labels = config.get("Labels") if isinstance(config, dict) else None
    service = str((labels or {}).get("com.docker.compose.service", shown.get("Name", "")))
    status = state if isinstance(state, dict) else {}
    health = status.get("Health")
    return Container(
        service, str(status.get("Status", "")), str(health["Status"]) if isinstance(health, dict) else ""
    )


def _last(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-_WORDS:])
