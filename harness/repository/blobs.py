"""Files as git's blobs, byte by byte: no filter runs, nothing is converted, and no attribute file
is matched against names, which can take for ever (:mod:`harness.repository.attributes`).
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import GitError
from harness.patterns import folders_above
from harness.repository.git import SEALED, GitOutput, run_git

_SECONDS = 300.0
_CHUNK_BYTES = 64_000_000
_CHUNK_FILES = 5_000

# Of git's object-file.c; a file that cannot be read is another matter.
_CANNOT_WRITE = (
    "unable to write loose object file",
    "unable to create temporary file",
    "unable to deflate new object",
    "insufficient permission for adding an object",
)

REGULAR, EXECUTABLE, LINK, SUBMODULE = "100644", "100755", "120000", "160000"


@dataclass(frozen=True, slots=True)
class Entry:
    """A path of a tree: git's mode in octal digits, and its id."""

    mode: str
    id: str


def entries(listing: bytes) -> dict[str, Entry]:
    """Read the output of ``ls-files -s -z``."""
    found: dict[str, Entry] = {}
    for line in listing.split(b"\0"):
        words, _, path = line.partition(b"\t")
        if path:
            mode, blob = words.decode("ascii").split(" ")[:2]
            found[os.fsdecode(path)] = Entry(mode, blob)
    return found


def changed_entries(listing: bytes) -> dict[str, tuple[Entry, Entry]]:
    """Read the output of ``diff-tree -r -z --raw --no-renames``: path to what it was and is; the
    mode of what is not there is ``000000``."""
    fields = listing.split(b"\0")
    found: dict[str, tuple[Entry, Entry]] = {}
    for words, path in zip(fields[0::2], fields[1::2], strict=False):
        old_mode, mode, old, new = words.decode("ascii").removeprefix(":").split(" ")[:4]
        found[os.fsdecode(path)] = (Entry(old_mode, old), Entry(mode, new))
    return found


def store_files(root: Path, names: Sequence[str], git_dir: Path) -> dict[str, str]:
    """Make blobs of regular files.

    :param names: relative to ``root``.
    :returns: their ids; without those that cannot be read.
    :raises GitError: git cannot write, such as on a full disk.
    """
    plain = [name for name in names if "\n" not in name and not name.startswith('"')]
    odd = sorted(set(names) - set(plain))
    found = _stored(root, plain, git_dir, by_line=True)
    for at in range(0, len(odd), _CHUNK_FILES // 10):
        found |= _stored(root, odd[at : at + _CHUNK_FILES // 10], git_dir, by_line=False)
    return found


def _stored(root: Path, names: Sequence[str], git_dir: Path, *, by_line: bool) -> dict[str, str]:
    if not names:
        return {}
    args = ["hash-object", "-w", "--no-filters"]
    if by_line:
        lines = b"".join(os.fsencode(name) + b"\n" for name in names)
        output = _git([*args, "--stdin-paths"], root, git_dir, stdin=lines, check=False)
    else:
        output = _git(args, root, git_dir, operands=names, check=False)
    if output.returncode == 0:
        return dict(zip(names, output.stdout.decode("ascii").split("\n"), strict=False))
    if any(words in output.stderr for words in _CANNOT_WRITE):
        # No file is at fault: each would fail, and be missing in a patch that looks whole.
        raise GitError(f"git cannot write to {git_dir} ({output.reason()}); check the disk's space")
    if len(names) == 1:
        return {}
    half = len(names) // 2
    first = _stored(root, names[:half], git_dir, by_line=by_line)
    return first | _stored(root, names[half:], git_dir, by_line=by_line)


def store_contents(contents: Mapping[str, bytes], git_dir: Path) -> dict[str, str]:
    """Make blobs of bytes: key to id.

    :raises GitError: git cannot write all of them.
    """
    if not contents:
        return {}
    with tempfile.TemporaryDirectory(prefix="blobs-", dir=git_dir) as folder:
        for number, data in enumerate(contents.values()):
            Path(folder, str(number)).write_bytes(data)
        made = store_files(Path(folder), [str(n) for n in range(len(contents))], git_dir)
    if len(made) < len(contents):
        raise GitError(f"git cannot write to {git_dir}; check the disk's space")
    return {key: made[str(number)] for number, key in enumerate(contents)}


def write_files(
    wanted: Mapping[str, Entry],
    root: Path,
    git_dir: Path,
    convert: Callable[[str, bytes], bytes] = lambda name, data: data,
) -> None:
    """Put the files of a tree into a folder; whatever is in their place is removed.

    No link is followed on the way to a file. A submodule becomes an empty folder.

    :param wanted: paths as git allows them in an index.
    :param convert: what the bytes of a file become on the disk.
    :raises GitError: a blob is missing.
    :raises OSError: the disk refuses.
    """
    places = _Places(root)
    for name, entry in wanted.items():
        if entry.mode == SUBMODULE:
            places.make_folder(name)
    files = {name: entry for name, entry in wanted.items() if entry.mode != SUBMODULE}
    for name, data in contents(files, git_dir):
        path = places.free(name)
        if files[name].mode == LINK:
            os.symlink(data, os.fsencode(path))  # noqa: PTH211 - bytes
            continue
        mode = 0o777 if files[name].mode == EXECUTABLE else 0o666
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, mode), "wb") as file:
            file.write(convert(name, data))


def contents(files: Mapping[str, Entry], git_dir: Path) -> Iterator[tuple[str, bytes]]:
    """Read blobs, in the order of ``files``.

    :raises GitError: one is missing.
    """
    for part in _parts(files, git_dir):
        for (name, _), data in zip(part, _contents(part, git_dir), strict=True):
            yield name, data


def remove_files(names: Iterable[str], root: Path) -> None:
    """Remove files, and the folders that are empty then.

    :raises OSError: the disk refuses.
    """
    places = _Places(root)
    for name in names:
        if not places.is_inside(name):
            continue
        path = root / name
        try:
            if stat.S_ISDIR(path.lstat().st_mode):
                path.rmdir()
            else:
                path.unlink()
        except FileNotFoundError:
            pass
        except OSError:
            if not path.is_dir():
                raise
            continue  # a folder took its place, or a submodule's has something in it
        for folder in path.parents:
            if folder == root:
                break
            try:
                folder.rmdir()
            except OSError:
                break


class _Places:
    """Where files of a tree go below a folder, without leaving it by a link."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._real = {""}

    def is_inside(self, name: str) -> bool:
        """Tell whether all folders on the way are real ones."""
        folder = name.rpartition("/")[0]
        return os.path.realpath(self.root / folder) == str(self.root / folder)

    def make_folder(self, folder: str) -> None:
        """Make a folder, in the place of whatever is no folder on the way."""
        if folder in self._real:
            return
        for above in (*folders_above(folder), folder):
            if above in self._real:
                continue
            path = self.root / above
            try:
                path.mkdir()
            except FileExistsError:
                if not stat.S_ISDIR(path.lstat().st_mode):
                    path.unlink()
                    path.mkdir()
            self._real.add(above)

    def free(self, name: str) -> Path:
        """Make room for a file."""
        self.make_folder(name.rpartition("/")[0])
        path = self.root / name
        if os.path.lexists(path):
            if stat.S_ISDIR(path.lstat().st_mode):
                shutil.rmtree(path)
            else:
                path.unlink()
        return path


def _parts(files: Mapping[str, Entry], git_dir: Path) -> Iterator[list[tuple[str, Entry]]]:
    """Divide files into parts whose contents fit into memory."""
    ids = "".join(f"{entry.id}\n" for entry in files.values()).encode()
    if not ids:
        return
    output = _git(["cat-file", "--batch-check=%(objectsize)"], git_dir, git_dir, stdin=ids)
    part: list[tuple[str, Entry]] = []
    size = 0
    for item, line in zip(files.items(), output.stdout.split(b"\n"), strict=False):
        if not line.isdigit():
            raise GitError(f"the content of {item[0]} is missing here; fetch it with git")
        if part and (size + int(line) > _CHUNK_BYTES or len(part) >= _CHUNK_FILES):
            yield part
            part, size = [], 0
        part.append(item)
        size += int(line)
    yield part


def _contents(part: Sequence[tuple[str, Entry]], git_dir: Path) -> Iterator[bytes]:
    ids = "".join(f"{entry.id}\n" for _, entry in part).encode()
    output = _git(["cat-file", "--batch"], git_dir, git_dir, stdin=ids).stdout
    at = 0
    for _ in part:
        end = output.index(b"\n", at)
        size = int(output[at:end].rsplit(b" ", 1)[1])
        yield output[end + 1 : end + 1 + size]
        at = end + size + 2


def _git(
    args: Sequence[str],
    cwd: Path,
    git_dir: Path,
    *,
    stdin: bytes = b"",
    operands: Sequence[str] = (),
    check: bool = True,
) -> GitOutput:
    # A single file may be larger than what is usually let through.
    trust = replace(SEALED, max_output_bytes=4_000_000_000)
    return run_git(
        args,
        cwd,
        _SECONDS,
        trust=trust,
        stdin=stdin,
        operands=operands,
        git_dir=git_dir,
        check=check,
    )
