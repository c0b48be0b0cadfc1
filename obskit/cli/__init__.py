"""The command line: one module a command. The console script is :func:`obskit.cli.main.run`."""
