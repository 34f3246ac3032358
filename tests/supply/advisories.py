"""Known vulnerabilities of the pinned versions: ``make audit``.

pip-audit takes an index that has no advisories for one that knows of no vulnerability, and with
``--strict`` gives up at the first package that the index lacks. So it is asked first about a
version whose vulnerability everybody knows, and then told to go on; what could not be looked up is
named, and the exit code says that the audit is incomplete.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements-image.lock"
# CVE-2019-11324 and six others.
KNOWN = "urllib3==1.24.1"
CLEAN, VULNERABLE, INCOMPLETE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found: a line for each vulnerability. ``missing``: names of packages that could not
    be looked up; ``checked``: how many were."""

    vulnerable: tuple[str, ...]
    missing: tuple[str, ...]
    checked: int

    @property
    def exit_code(self) -> int:
        """A vulnerability counts more than what is not known."""
        if self.vulnerable:
            return VULNERABLE
        return INCOMPLETE if self.missing or not self.checked else CLEAN

    def lines(self) -> list[str]:
        """What a person is told."""
        said = [f"vulnerable: {one}" for one in self.vulnerable]
        if self.missing:
            said.append(f"not looked up, for the index does not have it: {', '.join(self.missing)}")
        found = len(self.vulnerable) or "no"
        return [*said, f"{found} known vulnerabilities in {self.checked} packages"]


def read(report: dict[str, Any]) -> Audit:
    """Read pip-audit's JSON.

    :raises KeyError: it has another form.
    """
    vulnerable, missing, checked = [], [], 0
    for one in report["dependencies"]:
        if "skip_reason" in one:
            missing.append(str(one["name"]))
            continue
        checked += 1
        for found in one["vulns"]:
            fixed = ", ".join(found["fix_versions"]) or "none"
            vulnerable.append(f"{one['name']} {one['version']}: {found['id']}, mended in {fixed}")
    return Audit(tuple(vulnerable), tuple(missing), checked)


def ask(requirements: Path, *options: str) -> Audit | str:
    """Have pip-audit look up what is pinned; its own words when it cannot.

    :param options: how the file pins.
    """
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--format", "json", *options]
    done = subprocess.run(
        [*command, "--progress-spinner", "off", "-r", str(requirements)],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        return read(json.loads(done.stdout))
    except (ValueError, KeyError, TypeError):
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        return lines[-1] if lines else f"pip-audit ended with {done.returncode}"


def main() -> int:
    """0: nothing known; 1: a vulnerability; 2: some, or all, could not be looked up."""
    with tempfile.TemporaryDirectory() as folder:
        control = Path(folder) / "known.txt"
        control.write_text(f"{KNOWN}\n", encoding="utf-8")
        known = ask(control, "--no-deps")
    if isinstance(known, str) or not known.vulnerable:
        why = known if isinstance(known, str) else f"it knows of nothing in {KNOWN}"
        print(
            f"{LOCK.name}: no advisories to be had from this index ({why}); nothing was looked up"
        )
        return INCOMPLETE
    found = ask(LOCK, "--require-hashes")
    if isinstance(found, str):
        print(f"{LOCK.name}: {found}")
        return INCOMPLETE
    for line in found.lines():
        print(f"{LOCK.name}: {line}")
    return found.exit_code


if __name__ == "__main__":
    sys.exit(main())
