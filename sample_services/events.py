"""The log events of the sample services themselves that others refer to; obskit's own are in its catalogue."""

__all__ = ["EVENTS"]

EVENTS = {
    "fault.injected": "a fault acted on an operation: fault, fault_level, point",
    "fault.activated": "a fault was turned on: fault, fault_level",
    "fault.cleared": "a fault was turned off: fault, hits",
    "request.limited": "a client asked more often than it may: limit, counted",
    "broker.disconnected": "the connection to the broker ended, and is being made anew",
    "cart.dumped": "a line of the flood that the fault log-flood makes: number, items",
    "mail.throttled": "the mail provider said that it is too much; once a mail",
    "dependency.failed": "a service that was called gave no answer or one of 500 and above: dependency, error",
}
"""Event and fields."""
