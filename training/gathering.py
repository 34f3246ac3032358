"""From archives to pairs: each release is judged, read and mined in a process of its own.

The pairs of a release are one compressed file, with a report beside it that says the verdict on its
licence. What is there is not mined again.
"""

from __future__ import annotations

import gzip
import json
import logging
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import astuple, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from zlib import crc32

from harness.chunking.detection import detect_language
from harness.chunking.languages.spec import Content
from harness.repository.content import classify
from training import archives, exclusions, licences, translations
from training.mining import MAX_FILE_BYTES, Pair, mine_file
from training.packages import Package
from training.registries import source_parts

logger = logging.getLogger(__name__)

VERSION = "pairs-2"
"""Changes with whatever changes pairs, so that they are mined again."""

_RICH = frozenset(
    ["python", "go", "rust", "java", "javascript", "typescript", "tsx", "c", "cpp", "markdown"]
)
"""Languages of which there is far more than can be used: little of each release is enough."""

_BYTES_OF_RICH, _BYTES_OF_OTHERS = 700_000, 3_000_000
_MOST_SECONDS = 60.0
"""CPU time for one release; some take tenths of a second, a grammar that backtracks for ever."""

_LEFT_OUT = (
    "/vendor/", "/third_party/", "/thirdparty/", "/3rdparty/", "/node_modules/", "/external/",
    "/deps/", "/contrib/", "/extern/", "/bundled/", "/_vendor/", "/testdata/", "/fixtures/",
    "/dist/", "/.pc/", "/debian/patches/", ".min.", "_pb2", ".pb.", ".generated.", "zz_generated",
)  # fmt: skip
_CATALOGS = (".po", ".properties", ".ini", ".json")


@dataclass(frozen=True, slots=True)
class Gathered:
    """What one release gave. ``refused`` says why it gave nothing; ``overlaps`` are files that
    are copies of evaluated code."""

    package: Package
    pairs: int = 0
    refused: str = ""
    overlaps: tuple[str, ...] = ()
    languages: Mapping[str, int] = field(default_factory=dict)


def gather(found: Mapping[Package, Path], folder: Path, workers: int = 2) -> list[Gathered]:
    """Mine all releases that are not mined yet.

    :param found: their archives.
    :param folder: gets one file of pairs and one report for each.
    :param workers: processes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # A little of every registry in turn, so that what a broken run leaves is a fair sample; the
    # largest archives last, of which only a part is used.
    order = sorted(found, key=lambda p: (_size(p, found[p]) > 2e7, crc32(repr(p).encode())))
    waiting = [p for p in order if not is_gathered(p, folder)]
    done = [read_report(p, folder) for p in order if is_gathered(p, folder)]
    began = time.monotonic()
    # New processes now and then: parsers keep the memory of the largest file they saw. A pool that
    # replaces its processes by itself can wait for ever (CPython's issue 115634).
    for at in range(0, len(waiting), _IN_A_POOL):
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            some = waiting[at : at + _IN_A_POOL]
            tasks = [pool.submit(_gather_one, p, found[p], folder) for p in some]
            done += [task.result() for task in as_completed(tasks)]
        minutes = (time.monotonic() - began) / 60
        logger.info("mined %d of %d releases, %.1f min", at + len(some), len(waiting), minutes)
    return done


_IN_A_POOL = 150


def _size(package: Package, archive: Path) -> float:
    """Bytes of a release's archives."""
    parts = source_parts(archive) if package.registry == "debian" else [archive]
    return float(sum(part.stat().st_size for part in parts))


def _gather_one(package: Package, archive: Path, folder: Path) -> Gathered:
    signal.signal(signal.SIGPROF, _too_long)
    signal.setitimer(signal.ITIMER_PROF, _MOST_SECONDS)
    try:
        gathered, pairs = _mine_release(package, archive)
    except Exception as error:  # one strange archive must not stop the others
        logger.warning("%s: %s", package.name, error)
        gathered, pairs = Gathered(package, refused=f"cannot be read: {error}"), []
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    with gzip.open(pairs_file(package, folder), "wt", encoding="utf-8", compresslevel=3) as out:
        for pair in pairs:
            out.write(json.dumps(astuple(pair)) + "\n")
    report = {
        "version": VERSION,
        "licence": gathered.package.licence,
        "release": gathered.package.version,
        "pairs": gathered.pairs,
        "refused": gathered.refused,
        "overlaps": gathered.overlaps,
        "languages": dict(gathered.languages),
    }
    _report_file(package, folder).write_text(json.dumps(report), encoding="utf-8")
    return gathered


def _too_long(number: int, frame: object) -> None:
    raise TimeoutError(f"took more than {_MOST_SECONDS:.0f} s of CPU")


def _mine_release(package: Package, archive: Path) -> tuple[Gathered, list[Pair]]:
    if exclusions.is_excluded_name(package.registry, package.name):
        return Gathered(package, refused="evaluated"), []
    files = _files(package, archive)
    verdict = licences.judge(package.registry, files, _poms(package, archive))
    named = Package(package.registry, package.name, _version(package, archive), verdict.licence)
    if not verdict.is_permissive:
        return Gathered(named, refused=f"licence: {verdict.reason}"), []
    pairs: list[Pair] = []
    overlaps: list[str] = []
    spent: Counter[str] = Counter()
    for path, text in _chosen(files, verdict):
        language = detect_language(path, text).name
        limit = _BYTES_OF_RICH if language in _RICH else _BYTES_OF_OTHERS
        if spent[language] > limit or classify(path, text) is not None:
            continue
        if exclusions.is_evaluated_text(text):
            overlaps.append(path)
            continue
        spent[language] += len(text)
        # Registries name the release, a checkout does not: leave it out of the path.
        pairs += mine_file(path, text)
    pairs += translations.read_catalogs(
        {p: d for p, d in files.items() if p.endswith(_CATALOGS) and verdict.may_use(p)}
    )
    languages = Counter(pair.language for pair in pairs)
    return Gathered(named, len(pairs), "", tuple(overlaps), languages), pairs


def _chosen(files: Mapping[str, bytes], verdict: licences.Verdict) -> Iterator[tuple[str, str]]:
    """Source files in an order of chance that is the same each time."""
    paths = sorted(path for path in files if verdict.may_use(path) and not path.endswith(".po"))
    random.Random(1).shuffle(paths)  # noqa: S311
    for path in paths:
        lower = f"/{path.lower()}"
        if len(files[path]) > MAX_FILE_BYTES or any(part in lower for part in _LEFT_OUT):
            continue
        if detect_language(path).content is Content.DATA or b"\0" in files[path][:4000]:
            continue
        yield path, files[path].decode("utf-8", "replace").replace("\r\n", "\n")


def _files(package: Package, archive: Path) -> dict[str, bytes]:
    """Content by path below the release's own folder."""
    files: dict[str, bytes] = {}
    for path, data in archives.members(archive):
        if package.registry == "go":
            path = path.removeprefix(package.name).partition("/")[2]
        elif package.registry in ("npm", "crates") or (
            package.registry == "debian" and not path.startswith("debian/")
        ):
            path = path.removeprefix("./").partition("/")[2]
        files.setdefault(path, data)
    return files


def _version(package: Package, archive: Path) -> str:
    if package.version:
        return package.version
    if package.registry == "debian":
        lines = archive.read_text(encoding="utf-8", errors="replace").splitlines()
        return next((line[9:].strip() for line in lines if line.startswith("Version: ")), "")
    if package.registry == "pypi":
        return archive.name.split("-")[1]
    stem = archive.name.removesuffix(".crate").removesuffix(".tgz").removesuffix(".zip")
    if package.registry == "go":
        return stem
    return stem[len(package.name.removeprefix("@")) + 1 :]


def _poms(package: Package, archive: Path) -> list[str]:
    """The POM beside an archive of sources, and those of its parents that are there."""
    if package.registry != "maven":
        return []
    folder = archive.parent
    names = [archive.name.replace("-sources.jar", ".pom")]
    texts: list[str] = []
    while names and len(texts) < 4:
        file = folder / names.pop()
        if file.is_file():
            text = file.read_text(encoding="utf-8", errors="replace")
            texts.append(text)
            names += parent_files(text)
    return texts


def parent_files(pom: str) -> list[str]:
    """File name of a POM's parent.

    :param pom: its text.
    """
    import re

    parent = re.search(r"<parent>(.*?)</parent>", pom, re.DOTALL)
    if parent is None:
        return []
    found = [re.search(rf"<{name}>\s*([^<]+?)\s*</{name}>", parent.group(1))
             for name in ("artifactId", "version")]  # fmt: skip
    return [f"{found[0].group(1)}-{found[1].group(1)}.pom"] if found[0] and found[1] else []


def pairs_file(package: Package, folder: Path) -> Path:
    """Where the pairs of a release are.

    :param package: the release as it was asked for.
    """
    return folder / f"{package.registry}-{package.label}.jsonl.gz"


def _report_file(package: Package, folder: Path) -> Path:
    return folder / f"{package.registry}-{package.label}.json"


def is_gathered(package: Package, folder: Path) -> bool:
    """Tell whether a release was mined.

    :param package: the release as it was asked for.
    """
    return _report_file(package, folder).is_file()


def read_report(package: Package, folder: Path) -> Gathered:
    """What mining a release gave.

    :param package: the release as it was asked for.
    """
    report = json.loads(_report_file(package, folder).read_text(encoding="utf-8"))
    named = Package(package.registry, package.name, report["release"], report["licence"])
    return Gathered(
        named,
        report["pairs"],
        report["refused"],
        tuple(report["overlaps"]),
        report["languages"],
    )


def read_pairs(packages: Sequence[Package], folder: Path) -> Iterator[tuple[Package, Pair]]:
    """All pairs of some releases.

    :param packages: as they were asked for.
    :param folder: where they were gathered.
    """
    for package in packages:
        file = pairs_file(package, folder)
        if file.is_file():
            with gzip.open(file, "rt", encoding="utf-8") as lines:
                for line in lines:
                    yield package, Pair(*json.loads(line))


def source_files(package: Package, archive: Path) -> dict[str, str]:
    """Text by path of everything in a release that may be learned from, tests, documentation and
    data included; none of a release that is evaluated or not permissive.

    :param package: the release.
    :param archive: where it is.
    """
    if exclusions.is_excluded_name(package.registry, package.name):
        return {}
    files = _files(package, archive)
    verdict = licences.judge(package.registry, files, _poms(package, archive))
    texts: dict[str, str] = {}
    for path, data in sorted(files.items()):
        if not verdict.is_permissive or not verdict.may_use(path) or b"\0" in data[:4000]:
            continue
        text = data.decode("utf-8", "replace").replace("\r\n", "\n")
        if not path.endswith(".po") and not exclusions.is_evaluated_text(text):
            texts[path] = text
    return texts
