"""A pager to test: its clock, its home, served in this process or as a process of its own."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from obskit.config import Settings
from obskit.metrics import Metrics
from obskit.pager import Incident, Link, NotifyError, Page, PagerSettings, Policy, Store, create_app

KEY = "0123456789abcdef0123456789abcdef"
TOKEN = "the-admin-token"


@dataclass
class FakeClock:
    """A clock that stands still until it is told to go on."""

    now: float = 1_700_000_000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now - 1_699_999_000.0

    def pass_s(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Inbox:
    """A notifier that keeps its pages, and fails while it is told to."""

    name: str = "inbox"
    pages: list[Page] = field(default_factory=list)
    broken: bool = False

    async def send(self, page: Page) -> None:
        if self.broken:
            msg = "the line is dead"
            raise NotifyError(msg)
        self.pages.append(page)


@dataclass
class Served:
    """A pager that answers HTTP on loopback, in a thread of this process."""

    client: httpx.Client
    metrics: Metrics
    app: Any
    loop: asyncio.AbstractEventLoop

    def send(self, action: str = "trigger", key: str = "disk", **payload: Any) -> httpx.Response:
        event = {"routing_key": KEY, "event_action": action, "dedup_key": key}
        if action == "trigger":
            event["payload"] = {"summary": "Disk is full", "source": "db1", "severity": "critical", **payload}
        return self.client.post("/v2/enqueue", json=event)

    def incidents(self, **query: Any) -> list[dict[str, Any]]:
        return self.client.get("/v1/incidents", params=query).json()["incidents"]

    def tick(self) -> None:
        """Let the pager do what is due, now."""
        asyncio.run_coroutine_threadsafe(self.app.state.pager.tick(), self.loop).result(10)


class QuickServer(uvicorn.Server):
    """Sees at once that it is to stop; uvicorn looks ten times a second."""

    async def main_loop(self) -> None:
        while not self.should_exit:  # noqa: ASYNC110 - a flag is all that uvicorn has
            await asyncio.sleep(0.002)


def client_of(port: int) -> httpx.Client:
    # Without TLS there is no need to load the machine's certificates, which takes 0.1 s.
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", verify=False, timeout=20)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def page() -> Page:
    """A page as a notifier gets it, of the second level."""
    return Page(
        Incident(
            number=7,
            origin="o",
            dedup_key="k",
            status="triggered",
            urgency="high",
            severity="critical",
            title="Orders burns its budget",
            service="orders",
            source="Alertmanager",
            created_at=1_700_000_000.0,
            links=(Link("http://127.0.0.1:8601/runbooks/A", "Runbook"),),
            details={"impact": "Callers get errors & <b>wait</b>.", "action": "Roll back."},
        ),
        "http://127.0.0.1:8601/incidents/INC-000007",
        reason="Nobody acknowledged it within 5 min.",
        delivery="INC-000007/2/mail",
    )


@pytest.fixture
def inbox_named() -> Callable[[str], Inbox]:
    """Make a notifier of that name."""
    return Inbox


@pytest.fixture
def auth() -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}"}


@contextmanager
def serving(
    path: Path,
    clock: FakeClock,
    inbox: Inbox,
    *,
    policy: Policy | None = None,
    inboxes: Sequence[Inbox] = (),
    **changed: Any,
) -> Iterator[Served]:
    metrics = Metrics(Settings.load({"service": "pager"}, {}))
    settings = PagerSettings(routing_key=KEY, admin_token=TOKEN, **changed)
    notifiers = inboxes or [inbox]
    app = create_app(Store(path), settings, clock=clock, notifiers=notifiers, policy=policy, metrics=metrics)
    server = QuickServer(uvicorn.Config(app, log_config=None, lifespan="on", timeout_keep_alive=600))
    loop = asyncio.new_event_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(
            target=loop.run_until_complete, args=(server.serve(sockets=[listener]),), daemon=True
        )
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the pager did not start"
            time.sleep(0.002)
        with client_of(listener.getsockname()[1]) as client:
            yield Served(client, metrics, app, loop)
        server.should_exit = True
        thread.join(10)
        loop.close()


@pytest.fixture
def serve(tmp_path: Path, clock: FakeClock, inbox: Inbox) -> Iterator[Callable[..., Served]]:
    """Serve a pager with changed settings."""
    with ExitStack() as stack:
        yield lambda **changed: stack.enter_context(serving(tmp_path / "pager.db", clock, inbox, **changed))


@pytest.fixture
def serve_while(
    tmp_path: Path, clock: FakeClock, inbox: Inbox
) -> Callable[..., AbstractContextManager[Served]]:
    """Serve pagers one after the other, on one store."""
    return partial(serving, tmp_path / "pager.db", clock, inbox)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One pager for all tests of a file that leave nothing in it."""
    with serving(tmp_path_factory.mktemp("pager") / "pager.db", FakeClock(), Inbox()) as one:
        yield one


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with secrets, as `obskit up` makes it."""
    secrets = tmp_path / "home" / "secrets"
    secrets.mkdir(parents=True)
    (secrets / "routing_key").write_text(KEY)
    (secrets / "admin_token").write_text(TOKEN)
    return secrets.parent


@dataclass
class PagerProcess:
    """``python -m obskit.pager``, ready."""

    process: subprocess.Popen[bytes]
    client: httpx.Client
    output: Path

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(10)


@pytest.fixture
def run_pager(
    home: Path, tmp_path: Path, free_port: Callable[[], int], wait_for: Callable[..., Any]
) -> Iterator[Callable[..., PagerProcess]]:
    """Start the pager as a process on *home* and wait until it answers."""
    started: list[PagerProcess] = []

    def start(*arguments: str, port: int | None = None) -> PagerProcess:
        port = port or free_port()
        output = tmp_path / f"pager-{len(started)}.out"
        with output.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "obskit.pager", "--home", str(home), "--port", str(port), *arguments],
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, "OBSKIT_LOG_FORMAT": "json"},
            )
        pager = PagerProcess(process, client_of(port), output)
        started.append(pager)

        def ready() -> bool:
            assert process.poll() is None, output.read_text()
            try:
                return pager.client.get("/readyz").status_code == 200
            except httpx.TransportError:
                return False

        wait_for(ready, "the pager is ready", within_s=90)
        return pager

    yield start
    for pager in started:
        pager.client.close()
        if pager.process.poll() is None:
            pager.kill()
