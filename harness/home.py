"""Paths as users write them, and the one below the home that is ours: ``~`` reaches us where no
shell expands it."""

from __future__ import annotations

from pathlib import Path

from harness.errors import UsageError


def from_home(path: str | Path) -> Path:
    """The path with ``~`` or ``~name`` at its start replaced by the home folder.

    Units, compose files, forms and ``--option=~/folder`` hold it as it stands.

    :raises UsageError: nobody has this name, or there is no home folder.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UsageError(
            f"{path}: the home folder is not known; write the whole path, or set HOME"
        ) from None


def default_data_dir() -> Path:
    """Where things are kept unless HARNESS_DATA_DIR says so: the platform's user data directory."""
    import platformdirs

    return Path(platformdirs.user_data_dir("harness", appauthor=False))
