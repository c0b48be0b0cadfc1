"""What is wrong with a file of checks, with its place."""

from typing import NoReturn

from obskit.errors import ConfigError

__all__ = ["refuse"]


def refuse(where: str, problem: str, accepted: str) -> NoReturn:
    """Raise ConfigError: *where* is the path to the key, such as ``checks[2].metrics[0].change``."""
    msg = f"{where}: {problem}; {accepted}."
    raise ConfigError(msg)
