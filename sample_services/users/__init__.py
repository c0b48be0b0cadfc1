"""The users service: who a caller is, and the tokens that prove it."""
