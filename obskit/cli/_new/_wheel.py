"""Puts the wheel of this obskit into a folder: it is on no package index, and others have to get it from there."""

import base64
import csv
import hashlib
import io
import os
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

from obskit._version import __version__
from obskit.errors import StackError

__all__ = ["DISTRIBUTION", "bundle"]

DISTRIBUTION = "obskit-starter-kit"
_CHECKOUT = Path(__file__).parents[3]
# What pip adds when it installs.
_NOT_OF_THE_WHEEL = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})
_EPOCH = (1980, 1, 1, 0, 0, 0)


def bundle(folder: Path) -> Path:
    """Write the wheel of the obskit that runs now into *folder*, and return its path.

    In a checkout it is built; where obskit is installed it is put together from what is installed.

    Raises:
        StackError: it cannot be built, or files of the installation are missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (_CHECKOUT / "pyproject.toml").is_file():
        return _built(folder)
    return _packed(distribution(DISTRIBUTION), folder)


def _built(folder: Path) -> Path:
    done = subprocess.run(  # noqa: S603 - this interpreter
        [
            sys.executable,
            "-P",
            "-m",
            "hatchling",
            "build",
            "--target",
            "wheel",
            "--directory",
            str(folder.absolute()),
        ],
        cwd=_CHECKOUT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        msg = f"The wheel of the checkout {_CHECKOUT} cannot be built."
        raise StackError(msg, fix=f"{sys.executable} -m pip install hatchling", output=done.stderr.strip())
    return folder / f"{DISTRIBUTION.replace('-', '_')}-{__version__}-py3-none-any.whl"


def _packed(installed: Distribution, folder: Path) -> Path:
    """Put the installed files together again; a wheel is a zip file of them with a list of their hashes."""
    name = f"{DISTRIBUTION.replace('-', '_')}-{installed.version}"
    record = io.StringIO()
    rows = csv.writer(record, lineterminator="\n")
    path = folder / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for file in sorted(installed.files or (), key=str):
            if ".." in file.parts or "__pycache__" in file.parts or file.name in _NOT_OF_THE_WHEEL:
                continue
            content = _content(Path(str(installed.locate_file(file))))
            _add(wheel, file.as_posix(), content)
            rows.writerow((file.as_posix(), f"sha256={_hash(content)}", len(content)))
        rows.writerow((f"{name}.dist-info/RECORD", "", ""))
        _add(wheel, f"{name}.dist-info/RECORD", record.getvalue().encode())
    return path


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        msg = f"{path} of the installed obskit cannot be read: {error.strerror}."
        raise StackError(msg, fix=f"pip install --force-reinstall {DISTRIBUTION}") from error


def _add(wheel: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    wheel.writestr(entry, content)


def _hash(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
