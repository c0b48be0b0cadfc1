"""The load generator: arrivals on a schedule that answers cannot slow down."""
