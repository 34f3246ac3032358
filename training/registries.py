"""Fetches releases from the package registries, each with its own client: pip, npm, cargo, go, mvn
and apt-get, in whatever way these are configured on the machine.

Archives are kept below one folder and are not fetched again, so a broken run goes on where it was.
Nothing that a package holds is run: only wheels are taken from PyPI, and no archive is unpacked to
disk by us.
"""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.sax.saxutils import escape

from training.packages import Package

logger = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 900
_TOGETHER = 24
"""Packages that one call of a client fetches; see :func:`_in_groups`."""


def fetch(packages: Sequence[Package], folder: Path) -> dict[Package, Path]:
    """Where the archive of each package is, fetched if it was not there; those that their
    registry does not have are logged and missing from the answer.

    :param packages: of any registry.
    :param folder: keeps the archives, one folder below it for each registry.
    """
    found: dict[Package, Path] = {}
    for registry, client in _CLIENTS.items():
        wanted = [package for package in packages if package.registry == registry]
        into = (folder / registry).resolve()
        into.mkdir(parents=True, exist_ok=True)
        for package, archive in client(wanted, into):
            found[package] = archive
        missing = [package.name for package in wanted if package not in found]
        logger.info("%s: %d of %d", registry, len(wanted) - len(missing), len(wanted))
        for name in missing:
            logger.warning("%s: %s was not fetched", registry, name)
    return found


def there(packages: Sequence[Package], folder: Path) -> dict[Package, Path]:
    """Where the archives are that were fetched before; no client is called.

    :param packages: of any registry.
    :param folder: as in :func:`fetch`.
    """
    found: dict[Package, Path] = {}
    for registry, client in _CLIENTS.items():
        wanted = [package for package in packages if package.registry == registry]
        into = (folder / registry).resolve()
        if into.is_dir():
            found |= dict(client(wanted, into, offline=True))
    return found


_Found = Iterator[tuple[Package, Path]]


def _pypi(packages: Sequence[Package], into: Path, offline: bool = False) -> _Found:
    def download(group: Sequence[Package]) -> str:
        wanted = [f"{p.name}=={p.version}" if p.version else p.name for p in group]
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--only-binary=:all:", "--platform=any"]
        command += ["--python-version=3.12", "--implementation=py", "--abi=none"]
        return _run([*command, f"--dest={into}", *wanted])

    def archives() -> dict[str, list[Path]]:
        by_name: dict[str, list[Path]] = {}
        for file in into.glob("*.whl"):
            by_name.setdefault(_pypi_name(file.name.split("-")[0]), []).append(file)
        return by_name

    def archive(package: Package) -> Path | None:
        files = known.get(_pypi_name(package.name), [])
        if package.version:
            files = [file for file in files if file.name.split("-")[1] == package.version]
        return max(files, default=None)

    known = archives()
    _in_groups([] if offline else [p for p in packages if not archive(p)], download)
    known = archives()
    yield from _those_there(packages, archive)


def _pypi_name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _npm(packages: Sequence[Package], into: Path, offline: bool = False) -> _Found:
    def download(group: Sequence[Package]) -> str:
        wanted = [f"{p.name}@{p.version}" if p.version else p.name for p in group]
        return _run(["npm", "pack", "--loglevel=error", f"--pack-destination={into}", *wanted])

    def archive(package: Package) -> Path | None:
        stem = package.name.removeprefix("@").replace("/", "-")
        if package.version:
            file = into / f"{stem}-{package.version}.tgz"
            return file if file.is_file() else None
        files = into.glob(f"{stem}-[0-9]*.tgz")
        return max((f for f in files if re.fullmatch(rf"{re.escape(stem)}-\d+\.\d+\..*", f.name)),
                   default=None)  # fmt: skip

    _in_groups([] if offline else [p for p in packages if not archive(p)], download)
    yield from _those_there(packages, archive)


def _crates(packages: Sequence[Package], into: Path, offline: bool = False) -> _Found:
    def archive(package: Package) -> Path | None:
        files = into.glob(f"registry/cache/*/{package.name}-{package.version or '[0-9]*'}.crate")
        return max(files, default=None)

    def download(package: Package) -> str:
        # The one command of cargo that fetches a single crate without what it depends on.
        wanted = f"{package.name}@{package.version}" if package.version else package.name
        return _run(["cargo", "info", "--quiet", wanted], CARGO_HOME=str(into))

    missing = [] if offline else [p for p in packages if not archive(p)]
    if missing:
        download(missing[0])
        _link_configuration(into)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(download, missing))
    yield from _those_there(packages, archive)


def _link_configuration(into: Path) -> None:
    """Let cargo use the user's registry settings with a cache of its own."""
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    for name in ("config.toml", "config"):
        if (home / name).is_file() and not (into / name).exists():
            (into / name).symlink_to(home / name)


def _go(packages: Sequence[Package], into: Path, offline: bool = False) -> _Found:
    def archive(package: Package) -> Path | None:
        name = re.sub(r"[A-Z]", lambda letter: "!" + letter.group().lower(), package.name)
        files = (into / "cache" / "download" / name / "@v").glob(f"{package.version or 'v*'}.zip")
        return max(files, default=None)

    def download(group: Sequence[Package]) -> str:
        wanted = [f"{p.name}@{p.version or 'latest'}" for p in group]
        with_cache = {"GOMODCACHE": str(into), "GOFLAGS": "-mod=mod -modcacherw"}
        return _run(["go", "mod", "download", *wanted], into, **with_cache)

    _in_groups([] if offline else [p for p in packages if not archive(p)], download)
    yield from _those_there(packages, archive)


def _maven(packages: Sequence[Package], into: Path, offline: bool = False) -> _Found:
    """Sources and the POM, which says the licence; ``name`` is ``group:artifact``."""

    def archive(package: Package) -> Path | None:
        artifact = package.name.partition(":")[2]
        file = into / f"{artifact}-{package.version}-sources.jar"
        return file if file.is_file() else None

    def download(group: Sequence[Package]) -> str:
        items = "".join(_artifact_items(package) for package in group)
        (into / "pom.xml").write_text(_COPYING_POM.format(items=items, folder=escape(str(into))))
        local = f"-Dmaven.repo.local={into / 'repository'}"
        return _run(
            ["mvn", "--quiet", "--batch-mode", "-Dstyle.color=never", local, "dependency:copy"],
            into,
        )

    _in_groups([] if offline else [p for p in packages if not archive(p)], download)
    yield from _those_there(packages, archive)


def _artifact_items(package: Package) -> str:
    group, _, artifact = package.name.partition(":")
    item = (
        f"<artifactItem><groupId>{escape(group)}</groupId><artifactId>{escape(artifact)}"
        f"</artifactId><version>{escape(package.version)}</version>{{}}</artifactItem>"
    )
    sources = item.format("<classifier>sources</classifier>")
    return sources + item.format("<type>pom</type>")


_COPYING_POM = """<project><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>copying</artifactId><version>1</version>
<packaging>pom</packaging><build><plugins><plugin>
<groupId>org.apache.maven.plugins</groupId><artifactId>maven-dependency-plugin</artifactId>
<version>3.6.1</version><configuration><outputDirectory>{folder}</outputDirectory>
<artifactItems>{items}</artifactItems></configuration></plugin></plugins></build></project>
"""


def _debian(packages: Sequence[Package], into: Path, offline: bool = False) -> _Found:
    """Source packages: the upstream archive, and the Debian part, which says the licence."""
    options = _debian_options(into)

    def archive(package: Package) -> Path | None:
        files = into.glob(f"{package.name}_*.dsc")
        whole = (f for f in files if all(part.is_file() for part in source_parts(f)))
        found = (f for f in whole if package.version in ("", _debian_version(f)))
        return max(found, default=None)

    def download(group: Sequence[Package]) -> str:
        wanted = [f"{p.name}={p.version}" if p.version else p.name for p in group]
        return _run(["apt-get", *options, "source", "--download-only", "--only-source",
                     "--quiet", *wanted], into)  # fmt: skip

    missing = [] if offline else [p for p in packages if not archive(p)]
    if missing:
        _run(["apt-get", *options, "update", "--quiet"], into)
    _in_groups(missing, download)
    yield from _those_there(packages, archive)


def source_parts(dsc: Path) -> list[Path]:
    """The archives of a Debian source package, there or not; signatures are left out.

    :param dsc: names them.
    """
    words = dsc.read_text(encoding="utf-8", errors="replace").split()
    names = {word for word in words if ".tar." in word and not word.endswith(".asc")}
    return [dsc.parent / name for name in sorted(names)]


def _debian_version(file: Path) -> str:
    """The full version of a ``.dsc``: file names leave the epoch out."""
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line[9:].strip() for line in lines if line.startswith("Version: ")), "")


def _debian_options(into: Path) -> list[str]:
    """Options that make apt-get look up sources where the machine looks up its packages, with
    lists and caches of their own."""
    for folder in ("lists/partial", "cache/archives/partial"):
        (into / folder).mkdir(parents=True, exist_ok=True)
    sources = into / "sources.sources"
    if not sources.exists():
        texts = [f.read_text() for f in sorted(Path("/etc/apt/sources.list.d").glob("*.sources"))]
        debian = [text for text in texts if "debian-archive-keyring" in text]
        text = "\n".join(debian)
        sources.write_text(re.sub(r"^Types: deb$", "Types: deb-src", text, flags=re.MULTILINE))
    return [
        f"-oDir::Etc::sourcelist={sources}", "-oDir::Etc::sourceparts=/dev/null",
        f"-oDir::State::lists={into / 'lists'}", f"-oDir::Cache={into / 'cache'}",
    ]  # fmt: skip


_CLIENTS: dict[str, Callable[..., _Found]] = {
    "pypi": _pypi,
    "npm": _npm,
    "crates": _crates,
    "go": _go,
    "maven": _maven,
    "debian": _debian,
}


def _those_there(packages: Sequence[Package], archive: Callable[[Package], Path | None]) -> _Found:
    for package in packages:
        file = archive(package)
        if file is not None:
            yield package, file


def _in_groups(packages: list[Package], download: Callable[[Sequence[Package]], str]) -> None:
    """Fetch many at a time. Those that a client's complaint names are left out and the others
    tried again; without a name, the group is halved until the one at fault is alone."""
    groups = [packages[at : at + _TOGETHER] for at in range(0, len(packages), _TOGETHER)]
    while groups:
        group = groups.pop(0)
        complaint = download(group)
        if not complaint or len(group) == 1:
            continue
        faulty = [package for package in group if _names(complaint, package)]
        if faulty and len(faulty) < len(group):
            groups.insert(0, [package for package in group if package not in faulty])
        else:
            half = len(group) // 2
            groups[:0] = [group[:half], group[half:]]


def _names(complaint: str, package: Package) -> bool:
    name = re.escape(package.name).replace("\\-", "[-_.]")
    return re.search(rf"(?<![\w./-]){name}(?![\w/-])|/{name}_", complaint) is not None


def _run(command: Sequence[str], folder: Path | None = None, **environment: str) -> str:
    """Run a client; what it complains of when it fails, else an empty text."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        logger.warning("%s: %s", command[0], error)
        return str(error)
    if done.returncode == 0:
        return ""
    lines = (done.stderr + done.stdout).splitlines()
    said = "\n".join(line for line in lines if _COMPLAINT.search(line))
    logger.info("%s: %s", command[0], json.dumps(said[-400:]))
    return said or "failed"


_COMPLAINT = re.compile(r"no matching|not found|find/?resolve|404|failed to fetch|unable", re.I)
