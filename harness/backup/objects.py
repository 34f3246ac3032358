"""Where files of backups and results are kept: names and contents."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from harness.errors import StoreError
from harness.files import new_private, private_folder, sync
from harness.store.snapshots import file_sha256

_NEW = ".new"


class Objects(Protocol):
    """Files under names of the form ``backup/file`` or ``run/file``.

    A subclass inherits the documentation of each method.
    """

    where: str
    """For people: a folder or an address."""

    def names(self) -> list[str]:
        """All names.

        :raises StoreError: it refuses.
        :raises ServiceUnavailableError: it does not answer.
        """

    def times(self) -> dict[str, float]:
        """When each was written, in seconds since the epoch; raises as :meth:`names`."""

    def put(self, name: str, source: Path) -> None:
        """Keep a file under a name; on return it was read back and is the same.

        :raises StoreError: it is not, or there is no room.
        """

    def get(self, name: str, target: Path, most_bytes: int) -> None:
        """Read into a new private file.

        :raises StoreError: there is none of that name, or it is larger: whoever can write there
            must not fill the disk here.
        """

    def remove(self, names: Sequence[str]) -> None:
        """Remove some, in this order; what is not there is no error."""


class FolderObjects:
    """In a folder of this machine, or of a volume.

    :param root: made with mode 0700 when it is missing.
    """

    def __init__(self, root: Path) -> None:
        self.where = str(root)
        self._root = root

    def names(self) -> list[str]:
        """See the Protocol."""
        if not self._root.is_dir():
            return []
        return [
            f"{path.parent.name}/{path.name}"
            for path in self._root.glob("*/*")
            if path.is_file() and not path.name.endswith(_NEW)
        ]

    def times(self) -> dict[str, float]:
        """See the Protocol."""
        return {name: (self._root / name).stat().st_mtime for name in self.names()}

    def put(self, name: str, source: Path) -> None:
        """See the Protocol. It appears at once, under its name."""
        target = self._root / name
        private_folder(target.parent)
        new = target.with_name(target.name + _NEW)
        new.unlink(missing_ok=True)
        with source.open("rb") as plain, new_private(new) as file:
            shutil.copyfileobj(plain, file, 1 << 20)
        if file_sha256(new) != file_sha256(source):
            raise StoreError(f"{target} was not written as it is; look at the disk of {self.where}")
        new.rename(target)
        sync(target.parent)
        sync(self._root)

    def get(self, name: str, target: Path, most_bytes: int) -> None:
        """See the Protocol."""
        path = self._root / name
        if path.is_symlink() or not path.is_file():
            raise StoreError(f"{path} is missing")
        if path.stat().st_size > most_bytes:
            raise too_large(str(path), most_bytes)
        with path.open("rb") as file, new_private(target, durable=False) as copy:
            shutil.copyfileobj(file, copy, 1 << 20)

    def remove(self, names: Sequence[str]) -> None:
        """See the Protocol."""
        for name in names:
            path = self._root / name
            path.unlink(missing_ok=True)
            for left in path.parent.glob(f"*{_NEW}"):
                left.unlink(missing_ok=True)
            if path.parent.is_dir() and not any(path.parent.iterdir()):
                path.parent.rmdir()


def too_large(name: str, most_bytes: int) -> StoreError:
    """The error of :meth:`Objects.get`."""
    return StoreError(
        f"{name} has more than the {most_bytes} bytes that were written; it is not to be used"
    )
