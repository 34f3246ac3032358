"""Harness: a private code assistant that a team runs on its own hardware."""

__version__ = "0.1.0"
# What pip calls us. `harness` on the public package index is somebody else's project; the import
# name and the command are ours all the same. Every hint that tells people to install takes it here.
DISTRIBUTION = "harness-code-assistant"
