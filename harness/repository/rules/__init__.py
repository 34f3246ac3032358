"""Data: the kept rule set for secrets and its licence; ``benchmarks/secret_rules.py`` makes it."""
