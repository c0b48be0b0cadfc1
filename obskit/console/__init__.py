"""The console: the committed boards, logs, traces, alerts and incidents in a browser, without a network."""

from obskit.console._picture import take as take_picture

__all__ = ["take_picture"]
