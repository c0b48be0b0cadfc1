"""What ``obskit adopt`` finds in an application, and what it would change."""

from obskit.cli._adopt._plan import Change, Plan, plan

__all__ = ["Change", "Plan", "plan"]
