"""The command line. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

try:
    from harness.cli.main import main
except KeyboardInterrupt:  # before anything of ours could take care of it
    raise SystemExit(130) from None

__all__ = ["main"]
