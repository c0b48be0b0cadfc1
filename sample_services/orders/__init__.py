"""The orders service: owns the state of every order."""
