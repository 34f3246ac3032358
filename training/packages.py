"""The list of packages that the model learns from, pinned: ``training/data/packages.tsv``.

It is also the notice of what was used: one line for each package with version and licence.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).parent / "data" / "packages.tsv"
_HEADER = "registry\tname\tversion\tlicence\n"


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """One release. ``version`` is empty for the newest, ``licence`` until it was checked; the
    licence is an SPDX expression."""

    registry: str
    name: str
    version: str = ""
    licence: str = ""

    @property
    def label(self) -> str:
        """The package's name below its registry, as a file name."""
        return self.name.replace("/", "+").replace(":", "+")


def read_packages(file: Path = LIST) -> list[Package]:
    """Read a list; lines that begin with ``#`` and the header are left out.

    :param file: two to four columns, separated by tabs.
    """
    lines = file.read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines if line and not line.startswith(("#", "registry\t")))
    return [Package(*row) for row in rows]


def write_packages(packages: Iterable[Package], file: Path = LIST) -> None:
    """Write a list, sorted.

    :param packages: one line each.
    :param file: replaced.
    """
    rows = ("\t".join((p.registry, p.name, p.version, p.licence)) for p in sorted(packages))
    file.write_text(_HEADER + "".join(f"{row}\n" for row in rows), encoding="utf-8")
