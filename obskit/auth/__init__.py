"""Authentication outcomes: tokens and passwords by reason, lockouts, guessing; never who it was."""

from obskit.auth._check import AuthCheck, AuthMethod
from obskit.auth._guesses import Guesses
from obskit.auth._reasons import REASONS, Reason

__all__ = ["REASONS", "AuthCheck", "AuthMethod", "Guesses", "Reason"]
