"""``python -m harness "question"`` asks, ``--task "…"`` (or HARNESS_TASK) carries out a task."""

from __future__ import annotations

from harness.cli.main import main_module

if __name__ == "__main__":
    main_module()
