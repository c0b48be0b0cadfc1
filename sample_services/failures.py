"""What can go wrong with the broker; here, so that whoever names it need not load the broker's client."""

__all__ = ["BrokerError", "PoisonMessageError"]


class BrokerError(Exception):
    """A message could not be handed to the broker, or the broker did not say that it has it."""


class PoisonMessageError(Exception):
    """A message that no later attempt can handle either; it is not delivered again."""
