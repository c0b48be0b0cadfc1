"""The notifications service: tells people by mail, one at a time and a hundred thousand at once."""
