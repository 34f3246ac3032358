"""The team's service as seen by the command line: the answers of its HTTP API, as the same types
that a local search returns."""
