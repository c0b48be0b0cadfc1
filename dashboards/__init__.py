"""The boards, one module each: ``board()`` returns it, ``json/`` holds what Grafana loads."""
