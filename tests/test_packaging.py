"""What pip is told and given: the distribution's name, its dependencies, the wheel."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from harness import DISTRIBUTION, __version__

ROOT = Path(__file__).resolve().parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OURS = ("harness", "flows", "deployments")


def test_name_and_version_are_the_same_everywhere() -> None:
    assert (PROJECT["name"], PROJECT["version"]) == (DISTRIBUTION, __version__)
    assert f"\nARG VERSION={__version__}\n" in (ROOT / "Dockerfile").read_text()


def test_nobody_is_told_to_install_somebody_elses_harness() -> None:
    """`harness` on the public package index is another project."""
    texts = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "Makefile", ROOT / "Dockerfile"]
    for folder in (*OURS, "docs", "k8s"):
        texts += [path for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".md"}]
    names: set[str] = set()
    for path in texts:
        hints = re.findall(r"pip install ([^\n`]*)", path.read_text(encoding="utf-8"))
        names |= {name for hint in hints for name in re.findall(r"\bharness[\w-]*", hint)}
    assert names <= {DISTRIBUTION}
