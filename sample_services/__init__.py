"""The sample services: one business operation over synchronous and asynchronous calls."""
