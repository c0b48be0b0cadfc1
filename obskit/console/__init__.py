"""The console: the committed boards, logs, traces, alerts and incidents in a browser, without a network."""
