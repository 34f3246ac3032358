"""What tells a folder of other people's code, or of a tool's, from one of the team's own.

A name alone is no sign where git tracks the files: ``pods/`` may hold a controller for Kubernetes,
``packages/node_modules/`` a monorepo's packages, ``vendor/`` a shop's suppliers. Then something
that the tool itself puts in or beside the folder must be tracked as well. Untracked folders are
judged by their names, because tools make them again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Protocol


class FolderTree(Protocol):
    """The files and folders that count as signs; paths are relative, ``""`` is the root."""

    def has(self, path: str) -> bool:
        """Tell whether there is such a file or folder."""

    def children(self, folder: str) -> Iterable[str]:
        """The names in a folder."""


@dataclass(frozen=True, slots=True)
class DiskTree:
    """Everything on the disk."""

    root: Path

    def has(self, path: str) -> bool:
        """Tell whether there is such a file or folder."""
        return os.path.lexists(f"{self.root}/{path}")

    def children(self, folder: str) -> Iterable[str]:
        """The names in a folder; none when it cannot be read."""
        try:
            with os.scandir(f"{self.root}/{folder}") as entries:
                return [entry.name for entry in entries]
        except OSError:
            return ()


@dataclass(frozen=True)
class TrackedTree:
    """What git tracks, and nothing else that lies about."""

    paths: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def folders(self) -> frozenset[str]:
        """Every folder with a tracked file in it or below it."""
        found: set[str] = set()
        for path in self.paths:
            folder = path.rpartition("/")[0]
            while folder and folder not in found:  # those above a known one are known
                found.add(folder)
                folder = folder.rpartition("/")[0]
        return frozenset(found)

    @cached_property
    def _children(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for path in (*self.paths, *self.folders):
            folder, _, name = path.rpartition("/")
            found.setdefault(folder, set()).add(name)
        return found

    def has(self, path: str) -> bool:
        """Tell whether git tracks such a file, or one below such a folder."""
        return path in self.paths or path in self.folders

    def children(self, folder: str) -> Iterable[str]:
        """The names in a folder."""
        return self._children.get(folder, ())


@dataclass(frozen=True, slots=True)
class _Signs:
    """Names, paths or patterns of names; one is enough."""

    inside: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


_PACKAGES = _Signs(("*.dist-info", "*.egg-info"))
_VENDORED_PYTHON = _Signs(("vendor.txt", "vendored.txt", "*.dist-info"))
_VENDOR = _Signs(("modules.txt", "autoload.php", "composer/installed.json", "bundle/ruby"))
_SIGNS = {
    "node_modules": _Signs(
        (".bin", ".package-lock.json", ".yarn-integrity", ".modules.yaml", ".pnpm"),
        ("package.json",),
    ),
    "bower_components": _Signs((), ("bower.json", ".bowerrc", "package.json")),
    "jspm_packages": _Signs((), ("package.json",)),
    "site-packages": _PACKAGES,
    "dist-packages": _PACKAGES,
    ".venv": _Signs(("bin/activate", "Scripts/activate")),
    ".eggs": _Signs(("README.txt", "*.egg")),
    ".gradle": _Signs(("buildOutputCleanup", "file-system.probe", "checksums", "vcs-1")),
    ".terraform": _Signs(("modules/modules.json", "providers", "plugins")),
    ".next": _Signs(("BUILD_ID", "build-manifest.json", "cache")),
    ".nuxt": _Signs(("nuxt.d.ts", "imports.d.ts", "dist")),
    ".svelte-kit": _Signs(("generated", "output")),
    ".turbo": _Signs(("cache", "cookies", "daemon")),
    "pods": _Signs(
        ("Manifest.lock", "Pods.xcodeproj", "Target Support Files"), ("Podfile", "Podfile.lock")
    ),
    "carthage": _Signs(("Checkouts", "Build"), ("Cartfile", "Cartfile.resolved")),
    "vendor": _VENDOR,
    "vendors": _VENDOR,
    "_vendor": _VENDORED_PYTHON,
    "_vendored": _VENDORED_PYTHON,
    "vendored": _VENDORED_PYTHON,
}
_EGG_INFO = _Signs(("PKG-INFO", "SOURCES.txt"))
_COLLECTIONS = frozenset(
    {
        *("vendor", "vendors", "_vendor", "_vendored", "vendored", "third_party", "third-party"),
        *("thirdparty", "3rdparty", "3rd_party"),
    }
)
# A copy keeps the licence of those who wrote it, or its tool's record.
_MEMBER = _Signs(
    (
        *(
            "LICENSE*",
            "LICENCE*",
            "COPYING*",
            "License*",
            "license*",
            "README.chromium",
            "METADATA",
        ),
        *(".cargo-checksum.json", ".gitrepo", "PKG-INFO"),
    )
)
_YARN_FOLDERS = frozenset({"cache", "releases", "plugins", "sdks", "unplugged", "__virtual__"})


def sign_of_copy(tree: FolderTree, folder: str) -> str:
    """Name what shows that a folder holds copies of other people's code, or a tool's output.

    :returns: words for a person, empty when there is no such sign.
    """
    parent, _, name = folder.rpartition("/")
    lower = name.lower()
    above = parent.rpartition("/")[2].lower()
    if above == ".yarn" and lower in _YARN_FOLDERS:
        return f".yarn/{name}/"
    signs = _EGG_INFO if lower.endswith(".egg-info") else _SIGNS.get(lower)
    found = _found(tree, folder, name, signs) if signs is not None else ""
    if not found and above in _COLLECTIONS:
        found = _found(tree, folder, f"{above}/{name}", _MEMBER)
    return found


def sign_of_marker(tree: FolderTree, folder: str, *, is_own: bool) -> str:
    """Name the file by which a tool marks a folder as its own.

    :param is_own: the question is about files that may be the team's: then a build that was run
        among its sources is no sign.
    """
    for marker in ("pyvenv.cfg", "CACHEDIR.TAG", "CMakeCache.txt"):
        if tree.has(f"{folder}/{marker}"):
            if marker == "CMakeCache.txt" and is_own and tree.has(f"{folder}/CMakeLists.txt"):
                continue
            return f"{marker} in {folder.rpartition('/')[2]}/"
    return ""


def _found(tree: FolderTree, folder: str, shown: str, signs: _Signs) -> str:
    parent = folder.rpartition("/")[0]
    for sign in signs.inside:
        if "*" in sign:
            if any(fnmatchcase(child, sign) for child in tree.children(folder)):
                return f"{shown}/ with {sign} in it"
        elif tree.has(f"{folder}/{sign}"):
            return f"{shown}/ with {sign} in it"
    for sign in signs.beside:
        if tree.has(f"{parent}/{sign}" if parent else sign):
            return f"{shown}/ with {sign} beside it"
    return ""
