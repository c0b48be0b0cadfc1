"""Puts boards into a running Grafana, through the package grafana-api; nothing else here uses it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from obskit._extras import require
from obskit._mixin import Mixin
from obskit.boards._build import boards
from obskit.boards._mixin import mixed
from obskit.boards._model import JSON
from obskit.boards._render import to_json
from obskit.errors import ConfigError, StackError

__all__ = ["Grafana", "Pushed"]

_TIMEOUT_S = 20.0
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _CONFLICT = 401, 403, 404, 412
_OWN = ("id", "version", "iteration")
"""Keys that Grafana itself writes into a stored board."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """One board, and what became of it."""

    uid: str
    outcome: Literal["created", "updated", "unchanged"]
    url: str


@dataclass(frozen=True, slots=True)
class Grafana:
    """A Grafana at *url* that *token*, a service account's, may write to."""

    url: str
    token: str = field(repr=False)
    folder: str = "obskit"
    """Title of the folder, and its uid when it has to be made."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            msg = f"{self.url!r} is not the address of a Grafana; write it as https://grafana.example.org."
            raise ConfigError(msg)
        if parts.username or parts.password:
            msg = "The address of Grafana has credentials in it; give a service account's token instead."
            raise ConfigError(msg)
        if not self.token:
            msg = "There is no token; make a service account with the role Editor in Grafana and give its token."
            raise ConfigError(msg)

    def push(
        self, source: Path | None = None, *, overwrite: bool = False, mixin: Mixin | None = None
    ) -> list[Pushed]:
        """Store every board of *source*, by default the shipped ones, and return what became of each.

        A board that Grafana has already, with the same content in the same folder, is left alone.

        Args:
            source: folder of boards.
            overwrite: replace boards that somebody changed in Grafana.
            mixin: labels that the boards get.

        Raises:
            StackError: Grafana cannot be reached, refuses the token, or refuses a board.
        """
        face = self._face()
        with self._clear_errors():
            folder = self._folder_uid(face)
        drawn = (to_json(board) for board in boards(source))
        wanted = (mixed(board, mixin) if mixin else board for board in drawn)
        return [self._push(face, board, folder, overwrite=overwrite) for board in wanted]

    def _face(self) -> Any:
        module = require("grafana_api.grafana_face", extra="grafana", used_by="obskit dashboards push")
        parts = urlsplit(self.url)
        prefix = parts.path.strip("/")
        return module.GrafanaFace(
            auth=self.token,
            host=parts.hostname,
            port=parts.port,
            protocol=parts.scheme,
            url_path_prefix=f"{prefix}/" if prefix else "",
            timeout=_TIMEOUT_S,
        )

    def _folder_uid(self, face: Any) -> str:
        listed: list[JSON] = face.folder.get_all_folders()
        for one in listed:
            if one["title"] == self.folder:
                return str(one["uid"])
        made: JSON = face.folder.create_folder(self.folder)
        return str(made["uid"])

    def _push(self, face: Any, drawn: JSON, folder: str, *, overwrite: bool) -> Pushed:
        uid: str = drawn["uid"]
        with self._clear_errors(uid):
            there = self._stored(face, uid)
            if there is not None and _same(there, drawn, folder):
                return Pushed(uid, "unchanged", self._page(there["meta"].get("url", "")))
            if there is not None and there["meta"].get("provisioned"):
                raise self._provisioned(uid)
            if there is not None and not overwrite:
                raise self._changed(uid)
            body = {"dashboard": {**drawn, "id": None}, "folderUid": folder, "overwrite": overwrite}
            answer: JSON = face.dashboard.update_dashboard({**body, "message": "obskit dashboards push"})
        return Pushed(uid, "created" if there is None else "updated", self._page(answer.get("url", "")))

    def _stored(self, face: Any, uid: str) -> JSON | None:
        from grafana_api.grafana_api import GrafanaClientError

        try:
            found: JSON = face.dashboard.get_dashboard(uid)
        except GrafanaClientError as error:
            if error.status_code == _NOT_FOUND:
                return None
            raise
        return found

    def _page(self, path: str) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}{path}"

    def _provisioned(self, uid: str) -> StackError:
        msg = f"Grafana loads the board {uid} from a file, so it cannot be changed over its API."
        return StackError(msg, fix="Change the file that it is provisioned from, or remove it there first.")

    def _changed(self, uid: str) -> StackError:
        msg = f"Grafana has another board {uid}: an older one, or one that somebody changed."
        return StackError(msg, fix="Look at it, then repeat with --overwrite.")

    @contextmanager
    def _clear_errors(self, uid: str = "") -> Iterator[None]:
        """Turn what grafana-api and its HTTP client raise into one sentence with the fix."""
        import requests
        from grafana_api.grafana_api import GrafanaException

        try:
            yield
        except GrafanaException as error:
            raise self._refused(error, uid) from error
        except requests.exceptions.JSONDecodeError as error:
            msg = f"{self.url} does not answer as Grafana does."
            raise StackError(msg, fix="Check the address; a path such as /grafana belongs to it.") from error
        except requests.exceptions.RequestException as error:
            msg = f"Grafana at {self.url} cannot be reached ({type(error).__name__})."
            raise StackError(msg, fix="Check the address and that Grafana runs.") from error

    def _refused(self, error: Any, uid: str) -> StackError:
        said = error.response.get("message", "") if isinstance(error.response, dict) else str(error.response)
        if error.status_code == _UNAUTHORIZED:
            msg = f"Grafana at {self.url} does not accept the token."
            return StackError(msg, fix="Make a new token for a service account with the role Editor.")
        if error.status_code == _FORBIDDEN:
            msg = f"The token may not write boards in Grafana at {self.url}: {said[:200]}"
            return StackError(msg, fix="Give its service account the role Editor.")
        if "provisioned" in said.lower():
            return self._provisioned(uid)
        if error.status_code == _CONFLICT:
            return self._changed(uid)
        msg = f"Grafana at {self.url} refuses{f' the board {uid}' if uid else ''} ({error.status_code}): {said[:200]}"
        return StackError(msg, fix="See Grafana's log.")


def _same(there: JSON, drawn: JSON, folder: str) -> bool:
    stored = {key: value for key, value in there["dashboard"].items() if key not in _OWN}
    mine = {key: value for key, value in drawn.items() if key not in _OWN}
    in_place = there["meta"].get("folderUid", "") == folder
    return in_place and json.dumps(stored, sort_keys=True) == json.dumps(mine, sort_keys=True)
