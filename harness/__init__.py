"""Harness: a private code assistant that a team runs on its own hardware."""

__version__ = "0.1.0"
