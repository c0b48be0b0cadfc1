"""The inventory service: owns the stock and every reservation of it."""
