"""Whether the package index has withdrawn one of our pinned versions: ``make audit``.

Any index says that of each file. Known vulnerabilities are more than an index of files must know,
so pip-audit looks for these where it can.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def yanked(lock: Path) -> list[str]:
    """What is withdrawn of a lock: package, version and reason. Installs nothing.

    :raises subprocess.CalledProcessError: the index cannot be asked, or lacks a version.
    """
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--dry-run", "--ignore-installed", "--no-deps", "--require-hashes"),
            *("--report", "-", "-r", str(lock)),
        ],
        stdout=subprocess.PIPE,
        check=True,
    )
    return withdrawn(json.loads(done.stdout))


def withdrawn(report: dict[str, list[dict[str, object]]]) -> list[str]:
    """What pip's report of an installation says is withdrawn."""
    found = []
    for item in report["install"]:
        data = item["metadata"]
        assert isinstance(data, dict)
        if item.get("is_yanked"):
            found.append(f"{data['name']} {data['version']}")
    return found


def main() -> int:
    """1 when something is withdrawn."""
    wrong = 0
    for lock in sorted(ROOT.glob("requirements*.lock")):
        found = yanked(lock)
        wrong += len(found)
        print(f"{lock.name}: {', '.join(found) or 'nothing is withdrawn'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
