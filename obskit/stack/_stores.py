"""Chooses where logs and traces go: the embedded stores, a Loki and a Tempo found here, or those at an address."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import SplitResult, urlsplit

import httpx

from obskit.errors import ConfigError, StackError
from obskit.stack._ports import LOOPBACK

__all__ = ["EMBEDDED", "Keep", "Store", "Stores", "choose_stores"]

EMBEDDED = "embedded"
"""What to ask for, in the place of an address, to have the embedded store whatever is on ``PATH``."""

_LEAST_MAJOR = {"loki": 3, "tempo": 3}
"""Older ones know other settings, and no structured metadata."""
_BUILDINFO = {"loki": "/loki/api/v1/status/buildinfo", "tempo": "/api/status/buildinfo"}
_OTLP_PORT = 4318
_TIMEOUT_S = 10.0
_NOT_FOUND = 404

Kind = Literal["embedded", "program", "address"]


@dataclass(frozen=True, slots=True)
class Store:
    """One store: what it is, where its API answers, and the program where one is started."""

    kind: Kind
    address: str
    program: str = ""


@dataclass(frozen=True, slots=True)
class Keep:
    """What the stores keep: *days* since arrival, and *megabytes* each; a Loki and a Tempo know days only."""

    days: float = 7.0
    megabytes: int = 2_000


@dataclass(frozen=True, slots=True)
class Stores:
    """Where logs (*loki*) and traces (*tempo*) go; *otlp* is where services send spans.

    *notes* say what was found and not used.
    """

    loki: Store
    tempo: Store
    otlp: str
    keep: Keep = Keep()
    notes: tuple[str, ...] = ()

    @classmethod
    def embedded(cls, ports: Mapping[str, int]) -> "Stores":
        """Return the stores of a machine that has nothing else."""
        address = {name: f"http://{LOOPBACK}:{ports[name]}" for name in ("loki", "tempo", "otlp")}
        loki, tempo = (Store("embedded", address[name]) for name in ("loki", "tempo"))
        return cls(loki, tempo, address["otlp"])

    @property
    def addresses(self) -> dict[str, str]:
        """Where each API answers, by the names of the port table."""
        return {"loki": self.loki.address, "tempo": self.tempo.address, "otlp": self.otlp}


def choose_stores(
    ports: Mapping[str, int], *, loki: str = "", tempo: str = "", otlp: str = "", keep: Keep | None = None
) -> Stores:
    """Return where logs and traces go.

    *loki* and *tempo* are each an address, ``embedded``, or empty: then a program of that
    name on ``PATH`` is used if it is Grafana's, else the embedded store. *otlp* is where a
    Tempo at an address takes spans; the same host on port 4318 when it is empty.

    Raises:
        ConfigError: an address is none.
        StackError: there is no Loki or no Tempo at the address.
    """
    plain = Stores.embedded(ports)
    log_store, log_notes = _store("loki", loki, plain.loki)
    trace_store, trace_notes = _store("tempo", tempo, plain.tempo)
    if otlp and trace_store.kind != "address":
        msg = f"--otlp {otlp} is where a Tempo elsewhere takes spans; give its --tempo URL too."
        raise ConfigError(msg)
    spans = plain.otlp
    if trace_store.kind == "address":
        spans = _address("otlp", otlp) if otlp else _beside(urlsplit(trace_store.address))
    return replace(
        plain,
        loki=log_store,
        tempo=trace_store,
        otlp=spans,
        keep=keep or Keep(),
        notes=(*log_notes, *trace_notes),
    )


def _store(name: str, asked: str, plain: Store) -> tuple[Store, Iterable[str]]:
    if asked == EMBEDDED:
        return plain, ()
    if asked:
        address = _address(name, asked)
        _refuse_other(name, address)
        return Store("address", address), ()
    program = shutil.which(name)
    if program is None:
        return plain, ()
    problem = _unfit(name, program)
    if problem:
        return plain, (f"{program} {problem}; the embedded store is used.",)
    return Store("program", plain.address, program), ()


def _unfit(name: str, program: str) -> str:
    """Return why *program* cannot be used; empty when it can."""
    try:
        # Debian's loki reads its input when it does not know what else to do.
        asked = subprocess.run(  # noqa: S603 - found on PATH under the name that the user gave it
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"does not say its version ({type(error).__name__})"
    found = re.search(rf"^{name}, version v?(\d+)\.(\d+)\S*", f"{asked.stdout}\n{asked.stderr}", re.MULTILINE)
    if found is None:
        return f"is another program than Grafana's {name.capitalize()}"
    if int(found[1]) < _LEAST_MAJOR[name]:
        return f"is {found[0]}, older than {_LEAST_MAJOR[name]}"
    return ""


def _address(name: str, text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        msg = f"--{name} {text!r} is no address; use one such as http://127.0.0.1:3100, or {EMBEDDED}."
        raise ConfigError(msg)
    if parts.username or parts.password:
        # It would be in command lines and in the state file.
        msg = f"--{name} has a user in it; put a proxy that adds it before {parts.hostname}."
        raise ConfigError(msg)
    return text.rstrip("/")


def _beside(tempo: SplitResult) -> str:
    host = f"[{tempo.hostname}]" if ":" in (tempo.hostname or "") else tempo.hostname
    return f"{tempo.scheme}://{host}:{_OTLP_PORT}"


def _refuse_other(name: str, address: str) -> None:
    try:
        answer = httpx.get(f"{address}{_BUILDINFO[name]}", timeout=_TIMEOUT_S, follow_redirects=True)
    except httpx.HTTPError as error:
        msg = f"{name.capitalize()} at {address} does not answer ({type(error).__name__})."
        raise StackError(msg, fix=f"start it, or obskit up --{name} {EMBEDDED}") from error
    if answer.status_code == _NOT_FOUND:
        msg = f"What answers at {address} is no {name.capitalize()}: it has no {_BUILDINFO[name]}."
        raise StackError(msg, fix=f"give the address of {name.capitalize()}'s own API with --{name}")
