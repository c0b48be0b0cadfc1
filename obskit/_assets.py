"""Finds the files that travel with obskit: in a checkout first, else inside the installed package."""

from pathlib import Path

from obskit.errors import StackError

__all__ = ["asset", "samples_root"]

_PACKAGE = Path(__file__).parent
_ROOTS = (_PACKAGE.parent, _PACKAGE / "_bundled")


def asset(*parts: str) -> Path:
    """Return the path of a shipped file or folder, such as ``asset("alerts", "alertmanager.yml")``.

    Raises:
        StackError: the installation is incomplete.
    """
    for root in _ROOTS:
        # A site-packages folder may hold somebody else's "alerts"; ours has a README beside it.
        if (root / parts[0] / "README.md").is_file() and (root / Path(*parts)).exists():
            return root / Path(*parts)
    msg = f"The file {'/'.join(parts)} is missing from this installation of obskit."
    raise StackError(msg, fix="pip install --force-reinstall obskit-starter-kit")


def samples_root() -> Path:
    """Return the folder that has to be on ``sys.path`` for ``import sample_services``."""
    return asset("sample_services").parent
