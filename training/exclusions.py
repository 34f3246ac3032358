"""Keeps whatever the model is judged by out of what it learns from: by name, and by text.

By name: ``data/excluded.txt`` has patterns of package names: every evaluated code base with its
forks, ports, plug-ins and parts. By text: ``data/evaluated.bin`` holds hashes of runs of five lines
from those code bases, one in sixteen, so that vendored and renamed copies are found as well. A file
that shares a fifth of its sampled runs, and at least two, is left out whole.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from zlib import crc32

import numpy as np

_DATA = Path(__file__).parent / "data"
NAMES_FILE = _DATA / "excluded.txt"
TEXT_FILE = _DATA / "evaluated.bin"

_RUN = 5
_ONE_IN = 16
_SHARED = 0.2
_SHORTEST_LINE = 4
"""Letters and digits of a line that counts; brackets and blank lines are alike everywhere."""


@cache
def _patterns() -> re.Pattern[str]:
    lines = NAMES_FILE.read_text(encoding="utf-8").splitlines()
    names = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return re.compile("|".join(fnmatch.translate(name.lower()) for name in names))


def is_excluded_name(registry: str, name: str) -> bool:
    """Tell whether a package is one of the evaluated code bases or a relative.

    :param registry: where the package is.
    :param name: its name there.
    """
    return _patterns().match(f"{registry}:{name}".lower()) is not None


def sampled_runs(text: str) -> set[int]:
    """Hashes of the sampled runs of five lines; blanks, case and trivial lines do not count.

    :param text: a file.
    """
    lines = ["".join(line.split()).lower() for line in text.split("\n")]
    lines = [line for line in lines if sum(map(str.isalnum, line)) >= _SHORTEST_LINE]
    codes = (
        crc32("\n".join(lines[at : at + _RUN]).encode("utf-8", "surrogatepass"))
        for at in range(len(lines) - _RUN + 1)
    )
    # The low bits choose, so that the same runs are chosen in every file.
    return {code for code in codes if code % _ONE_IN == 0}


@cache
def _evaluated() -> frozenset[int]:
    return frozenset(np.fromfile(TEXT_FILE, dtype="<u4").tolist())


def is_evaluated_text(text: str) -> bool:
    """Tell whether a file is, in large part, one of an evaluated code base.

    :param text: the file.
    """
    runs = sampled_runs(text)
    shared = len(runs & _evaluated())
    return shared >= 2 and shared >= _SHARED * len(runs)


def write_evaluated(texts: Iterable[str], file: Path = TEXT_FILE) -> int:
    """Write the hashes of all sampled runs of the evaluated code bases.

    :param texts: their files.
    :param file: replaced.
    :returns: how many there are.
    """
    codes = np.array(sorted(_all_runs(texts)), dtype="<u4")
    codes.tofile(file)
    return len(codes)


def _all_runs(texts: Iterable[str]) -> set[int]:
    found: set[int] = set()
    for text in texts:
        found |= sampled_runs(text)
    return found


def source_texts(folder: Path) -> Iterator[str]:
    """The text files below a folder, for :func:`write_evaluated`.

    :param folder: a checkout.
    """
    for file in sorted(folder.rglob("*")):
        if file.is_file() and ".git" not in file.parts and file.stat().st_size < 400_000:
            data = file.read_bytes()
            if b"\0" not in data[:8000]:
                yield data.decode("utf-8", "replace")
