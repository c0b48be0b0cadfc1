"""What ``obskit doctor`` looks at."""

from obskit.cli._doctor._application import examine_application
from obskit.cli._doctor._environment import examine_environment
from obskit.cli._doctor._model import Finding
from obskit.cli._doctor._stack import examine_stack

__all__ = ["Finding", "examine_application", "examine_environment", "examine_stack"]
