"""Every error that obskit raises on purpose.

::

    ObskitError
    ├── ConfigError          a setting has a value that cannot be used
    ├── InstrumentError      instrument() was given something it does not know
    ├── MissingExtraError    an optional package is not installed (also an ImportError)
    └── StackError           the stack on this machine cannot do what was asked

Telemetry at run time raises none of these: see ``obskit._guard``.
"""

__all__ = ["ConfigError", "InstrumentError", "MissingExtraError", "ObskitError", "StackError"]


class ObskitError(Exception):
    """The base of all of obskit's errors.

    Catch it to handle anything obskit refuses::

        try:
            obskit.init(service="orders", log_level="verbos")
        except obskit.ObskitError as error:
            sys.exit(str(error))
    """


class ConfigError(ObskitError, ValueError):
    """A setting has a value that cannot be used; the message says what is accepted.

    Raised at start only, never while a request runs.
    """


class InstrumentError(ObskitError, TypeError):
    """``obskit.instrument`` was given an object that it does not know how to instrument."""


class MissingExtraError(ObskitError, ImportError):
    """An optional package is not installed; the message carries the pip command."""


class StackError(ObskitError):
    """The stack on this machine cannot do what was asked.

    The text is one sentence; *fix* is the next command to run or the change to make;
    *output* is what a process said before it failed, where one did.
    """

    def __init__(self, message: str, *, fix: str, output: str = "") -> None:
        super().__init__(message)
        self.fix = fix
        self.output = output
