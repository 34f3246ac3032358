"""The licence of everything that an installation of Harness brings along, as packages declare it.

``make licences`` prints it: package, version, licence.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

LOCK = Path(__file__).resolve().parents[2] / "requirements-image.lock"

# What may be passed on with our own Apache-2.0. MPL binds files of its own only.
ALLOWED = re.compile(
    r"\b(?:Apache|BSD|0BSD|MIT|ISC|Zlib|CC0|CNRI|PSF|Python Software Foundation|MPL|Mozilla|"
    r"Artistic)\b",
)
# Of these licences one may be chosen; the others are named beside them.
_CHOICE = {"text-unidecode": "Artistic License"}


@dataclass(frozen=True, slots=True)
class Package:
    """``licence`` is empty when the package declares none."""

    name: str
    version: str
    licence: str

    @property
    def is_allowed(self) -> bool:
        """Whether every part of its licence is one that may be passed on."""
        chosen = _CHOICE.get(self.name, self.licence)
        parts = [part for part in re.split(r";|\bAND\b", chosen) if part.strip()]
        return bool(parts) and all(ALLOWED.search(part) for part in parts)


def packages(lock: Path = LOCK) -> list[Package]:
    """Those of a lock that are installed here; others are for other systems."""
    found = []
    for name in sorted(set(re.findall(r"^([a-z0-9._-]+)==", lock.read_text(), re.MULTILINE))):
        try:
            found.append(Package(name, metadata.version(name), _licence(name)))
        except metadata.PackageNotFoundError:
            continue
    return found


def _licence(name: str) -> str:
    data = metadata.metadata(name)
    if expression := data.get("License-Expression"):
        return str(expression)
    classifiers = [str(one) for one in data.get_all("Classifier") or ()]
    named = [one.rpartition(" :: ")[2] for one in classifiers if one.startswith("License")]
    return "; ".join(named) or str(data.get("License") or "").partition("\n")[0]


def main() -> int:
    """Print them; 1 when one may not be passed on."""
    wrong = 0
    for one in packages():
        wrong += not one.is_allowed
        print(f"{one.name}\t{one.version}\t{one.licence}{'' if one.is_allowed else '  <- look'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
