"""The folder that holds everything the stack writes."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from obskit.errors import StackError
from obskit.stack._files import write_secret

__all__ = ["Home"]

_FOLDERS = (
    "alertmanager",
    "data",
    "logs/services",
    "nats",
    "prometheus/rules",
    "prometheus/targets",
)


@dataclass(frozen=True, slots=True)
class Home:
    """Paths under ``.obskit/``. Build it with :meth:`at`; it touches no disk until :meth:`create`."""

    root: Path

    @classmethod
    def at(cls, chosen: Path | None = None) -> "Home":
        """Return the home at *chosen*, else at ``OBSKIT_HOME``, else at ``.obskit`` in the working directory."""
        folder = chosen or Path(os.environ.get("OBSKIT_HOME") or ".obskit")
        return cls(folder.expanduser().resolve())

    @property
    def data(self) -> Path:
        """Databases of the services and the pager."""
        return self.root / "data"

    @property
    def logs(self) -> Path:
        """Captured output, one ``<name>.log`` a process."""
        return self.root / "logs"

    @property
    def service_logs(self) -> Path:
        """JSON lines that the services write themselves."""
        return self.root / "logs" / "services"

    @property
    def prometheus(self) -> Path:
        """Configuration, rules, targets and data of Prometheus."""
        return self.root / "prometheus"

    @property
    def targets(self) -> Path:
        """Target files that Prometheus reads again whenever they change."""
        return self.root / "prometheus" / "targets"

    @property
    def alertmanager(self) -> Path:
        """Configuration and data of Alertmanager."""
        return self.root / "alertmanager"

    @property
    def nats(self) -> Path:
        """Configuration and JetStream store of NATS."""
        return self.root / "nats"

    @property
    def routing_key(self) -> Path:
        """The PagerDuty routing key; replace it to page the real PagerDuty."""
        return self.root / "secrets" / "routing_key"

    @property
    def admin_token(self) -> Path:
        """The token for whatever changes state: incidents and faults."""
        return self.root / "secrets" / "admin_token"

    @property
    def demo_users(self) -> Path:
        """The passwords of the demo users, by name; the users service makes them at its first start."""
        return self.root / "secrets" / "demo_users.json"

    @property
    def state(self) -> Path:
        """What runs now; written by the supervisor only."""
        return self.root / "stack.json"

    @property
    def plan(self) -> Path:
        """What is to run; written by ``obskit up``."""
        return self.root / "plan.json"

    @property
    def applied(self) -> Path:
        """The plan that the supervisor carries out; it goes over to the other one from here."""
        return self.root / "applied.json"

    @property
    def stop(self) -> Path:
        """Exists while the stack is meant to be down, so that nobody starts it again."""
        return self.root / "stop"

    @property
    def services(self) -> Path:
        """Somebody's own services that this stack starts or is attached to."""
        return self.root / "services.json"

    @property
    def boards(self) -> Path:
        """Somebody's own boards, as JSON, beside those that are shipped."""
        return self.root / "boards"

    @property
    def _marker(self) -> Path:
        return self.root / ".obskit-home"

    def exists(self) -> bool:
        """Tell whether this folder was made by obskit."""
        return self._marker.is_file()

    def log_of(self, name: str) -> Path:
        """The file with the captured output of process *name*."""
        return self.logs / f"{name}.log"

    def token(self) -> str:
        """Read the admin token.

        Raises:
            StackError: no stack was ever started here.
        """
        try:
            return self.admin_token.read_text(encoding="ascii").strip()
        except OSError as error:
            msg = f"There is no readable admin token at {self.admin_token}."
            raise StackError(msg, fix="obskit up") from error

    def create(self) -> None:
        """Make the folders and the secrets that are missing.

        Raises:
            StackError: the folder holds files of somebody else, or cannot be written.
        """
        self._refuse_foreign()
        try:
            for folder in _FOLDERS:
                (self.root / folder).mkdir(parents=True, exist_ok=True)
            self._marker.write_text("obskit down --wipe removes this folder.\n", encoding="ascii")
            (self.root / ".gitignore").write_text("*\n", encoding="ascii")
            self.routing_key.parent.mkdir(mode=0o700, exist_ok=True)
            self.routing_key.parent.chmod(0o700)
            write_secret(self.routing_key, secrets.token_hex(16))
            write_secret(self.admin_token, secrets.token_hex(32))
        except OSError as error:
            msg = f"The home folder {self.root} cannot be written: {error.strerror}."
            raise StackError(msg, fix="obskit up --home FOLDER, with a folder that you own") from error

    def wipe(self) -> None:
        """Remove the folder with all that is in it; does nothing when it is not there.

        Raises:
            StackError: the folder holds files of somebody else.
        """
        if not self.root.exists():
            return
        self._refuse_foreign()
        shutil.rmtree(self.root)

    def _refuse_foreign(self) -> None:
        # --wipe removes everything here, so OBSKIT_HOME=~ must not get as far as that.
        if self.root.is_dir() and any(self.root.iterdir()) and not self._marker.exists():
            msg = f"The folder {self.root} is not empty and was not made by obskit."
            raise StackError(msg, fix="choose another folder with --home or OBSKIT_HOME")
        if self.root.exists() and not self.root.is_dir():
            msg = f"The home {self.root} is not a folder."
            raise StackError(msg, fix="choose another folder with --home or OBSKIT_HOME")

    @contextmanager
    def lock(self, name: str) -> Iterator[bool]:
        """Hold the lock *name* for the block; gives False when another process holds it.

        The system lets go of it when this process dies, however it dies.
        """
        descriptor = os.open(self.root / f".{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            yield False
            return
        try:
            yield True
        finally:
            os.close(descriptor)
