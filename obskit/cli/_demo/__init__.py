"""What ``obskit demo`` does, step by step."""

from obskit.cli._demo._show import show_comparison, show_fault, show_orders, show_resolved
from obskit.cli._demo._story import FaultResult, Result, tell

__all__ = ["FaultResult", "Result", "show_comparison", "show_fault", "show_orders", "show_resolved", "tell"]
