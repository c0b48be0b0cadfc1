"""The API gateway: the only service that callers talk to."""
