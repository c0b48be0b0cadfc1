"""The embedded backend: logs and traces of one machine, in the place of Loki and Tempo."""
