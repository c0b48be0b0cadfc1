"""Reads who is told how: ``pager.yaml``, notifiers and escalation policy in one file.

::

    notifiers:
      console: {type: stdout}
      laptop: {type: desktop}
      mail: {type: email, host: 127.0.0.1, port: 8025, from: pager@example.org, to: [ann@example.org]}
      chat: {type: webhook, url: https://chat.example.org/hook, secret_file: secrets/webhook_secret}
    escalation:
      levels:
        - {notify: [console, laptop], escalate_after: 5m}
        - {notify: [console, mail, chat], escalate_after: 10m}
      repeat: 2
      acknowledge_timeout: 30m
"""

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import yaml

from obskit.errors import StackError
from obskit.pager._desktop import Desktop
from obskit.pager._notify import Console, Notifier, PageFile
from obskit.pager._policy import Level, Policy
from obskit.pager._section import Problems, Section

__all__ = ["PagerConfig", "load_config"]

_SCREENS = ("DISPLAY", "WAYLAND_DISPLAY")
_MAX_NOTIFIERS = 50
_MAX_LEVELS = 20
_MAX_REPEAT = 100
_MAX_PORT = 65_535
_LEAST_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class PagerConfig:
    """The notifiers that there are, and the policy that says when which one is used."""

    notifiers: tuple[Notifier, ...]
    policy: Policy


def load_config(path: Path | None, *, out: TextIO | None = None) -> PagerConfig:
    """Return what the YAML file *path* says; None is the default.

    The default tells everybody there is, on *out* and on the desktop where there is one,
    again every 5 minutes, twice, and never triggers an acknowledged incident again.

    Raises:
        StackError: the file cannot be used; the text names each key, and what is accepted.
    """
    shown = sys.stdout if out is None else out
    if path is None:
        return _default(shown)
    problems = Problems(path.parent)
    root = Section("", _read(path), problems)
    notifiers = _notifiers(root, problems, shown)
    policy = _policy(root, [notifier.name for notifier in notifiers])
    root.close()
    if problems.lines:
        text = "\n".join(f"  {line}" for line in problems.lines)
        fix = f"Correct {path} and start the pager again."
        msg = f"The pager's configuration {path} cannot be used:\n{text}"
        raise StackError(msg, fix=fix)
    return PagerConfig(notifiers, policy)


def _default(out: TextIO) -> PagerConfig:
    notifiers: list[Notifier] = [Console(out)]
    if shutil.which("notify-send") and any(os.environ.get(name) for name in _SCREENS):
        notifiers.append(Desktop("desktop"))
    return PagerConfig(tuple(notifiers), Policy.everyone([one.name for one in notifiers]))


def _read(path: Path) -> object:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        msg = f"The pager's configuration {path} cannot be read: {type(error).__name__}."
        raise StackError(msg, fix="Name another with --config, or leave it out for the default.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        msg = f"The pager's configuration {path} is not YAML{where}."
        raise StackError(msg, fix=f"Correct {path} and start the pager again.") from error


def _notifiers(root: Section, problems: Problems, out: TextIO) -> tuple[Notifier, ...]:
    section = root.section("notifiers")
    if section is None:
        return (Console(out),)
    built = [_notifier(name, one, problems, out) for name, one in section.sections()]
    if not 1 <= len(built) <= _MAX_NOTIFIERS:
        problems.add("notifiers", f"holds {len(built)}; from 1 to {_MAX_NOTIFIERS} are accepted.")
    return tuple(built)


def _notifier(name: str, section: Section, problems: Problems, out: TextIO) -> Notifier:
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii() or len(name) > 40:  # noqa: PLR2004 - a label
        problems.add(section.key, "is no name; up to 40 letters, digits, - and _ are accepted.")
    before = len(problems.lines)
    kind = section.choice("type", _TYPES)
    if len(problems.lines) > before:
        return Console(out, name)
    notifier = _TYPES[kind](name, section, out)
    section.close(_SECRETS)
    return notifier


_SECRETS = {"password": "password_file", "secret": "secret_file", "token": "secret_file"}


def _console(name: str, section: Section, out: TextIO) -> Notifier:
    del section
    return Console(out, name)


def _desktop(name: str, section: Section, out: TextIO) -> Notifier:
    del section, out
    return Desktop(name)


def _page_file(name: str, section: Section, out: TextIO) -> Notifier:
    del out
    path = section.file("path")
    if path is None:
        section.problem("path", "is missing; the path of the file is accepted.")
    return PageFile(name, path or Path())


def _mail(name: str, section: Section, out: TextIO) -> Notifier:
    from obskit.pager._mail import Mail  # and its library, for those who want mail

    del out
    username = section.text("username", "")
    password = section.secret("password_file")
    if bool(username) != bool(password):
        section.problem("username", "username and password_file go together; give both or none.")
    security = section.choice("security", ("none", "starttls", "tls"), "none")
    if username and security == "none":
        section.problem("security", "is none; starttls or tls are accepted with a password.")
    return Mail(
        name,
        host=section.text("host"),
        port=section.whole(
            "port", 465 if security == "tls" else 587 if security == "starttls" else 25, 1, _MAX_PORT
        ),
        sender=_address(section, "from", (section.text("from"),)),
        recipients=_addresses(section, "to"),
        security=security,
        login=(username, password) if username and password else None,
    )


def _addresses(section: Section, name: str) -> tuple[str, ...]:
    found = section.texts(name)
    _address(section, name, found)
    return found


def _address(section: Section, name: str, addresses: tuple[str, ...]) -> str:
    for address in addresses:
        if address and (address.count("@") != 1 or not address.isprintable() or " " in address):
            section.problem(name, f"{address!r} is no mail address, such as ann@example.org.")
    return addresses[0] if addresses else ""


def _webhook(name: str, section: Section, out: TextIO) -> Notifier:
    from obskit.pager._webhook import Webhook  # as above

    del out
    given = [key for key in ("url", "url_file") if section.has(key)]
    url = ""
    if len(given) != 1:
        section.problem("url", "one of url and url_file is accepted; give exactly one.")
    else:
        url = section.text("url") if given == ["url"] else section.secret("url_file") or ""
    if url and (problem := Webhook.problem(url)):
        section.problem(given[0], problem)
        url = ""
    secret = section.secret("secret_file")
    if not section.has("secret_file"):
        section.problem("secret_file", "is missing; a file with the secret that signs each call is accepted.")
    return Webhook(name, url or "http://127.0.0.1", (secret or "").encode())


_TYPES: Mapping[str, Callable[[str, Section, TextIO], Notifier]] = {
    "stdout": _console,
    "desktop": _desktop,
    "email": _mail,
    "webhook": _webhook,
    "file": _page_file,
}


def _policy(root: Section, names: list[str]) -> Policy:
    section = root.section("escalation")
    if section is None:
        return Policy.everyone(names)
    rows = section.rows("levels")
    if len(rows) > _MAX_LEVELS:
        section.problem("levels", f"holds {len(rows)}; up to {_MAX_LEVELS} are accepted.")
    policy = Policy(
        levels=tuple(_level(row, names) for row in rows) or (Level(()),),
        repeat=section.whole("repeat", 2, 0, _MAX_REPEAT),
        acknowledge_timeout_s=section.seconds("acknowledge_timeout", None, _LEAST_WAIT_S),
    )
    section.close()
    return policy


def _level(row: Section, names: list[str]) -> Level:
    notify = row.texts("notify")
    for name in notify:
        if name not in names:
            row.problem("notify", f"{name!r} is not a notifier; {', '.join(names)} are accepted.")
    wait_s = row.seconds("escalate_after", 300.0, _LEAST_WAIT_S)
    row.close()
    return Level(tuple(dict.fromkeys(notify)), wait_s or 300.0)
