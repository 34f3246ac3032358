"""Remake the table in k8s/chart/README.md from values.yaml: ``python -m tests.k8s.values_table``.

Part of ``make manifests``. A key's description is the comment above it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import yaml

from tests.k8s.documents import CHART

# Maps that the user fills are one key.
OPEN_MAPS = frozenset({"resources", "labels", "hard", "default", "defaultRequest"})
_HEAD = "| key | default | meaning |\n| --- | --- | --- |\n"


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Every key of the values with its default, in order."""
    if isinstance(value, dict) and value and path.rpartition(".")[2] not in OPEN_MAPS:
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def table(text: str) -> str:
    """The Markdown table of a values file."""
    comments, rows = _comments(text), []
    for key, default in leaves(yaml.safe_load(text)):
        meaning = comments.get(key) or ""
        if not meaning and key.endswith("service.type"):
            meaning = comments.get(key.removesuffix(".type"), "")
        rows.append(f"| `{key}` | `{json.dumps(default)}` | {meaning.replace('|', '/')} |\n")
    return _HEAD + "".join(rows)


def _comments(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    path: list[str] = []
    pending: list[str] = []
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            pending.append(line.lstrip()[1:].strip())
            continue
        if match := re.match(r"( *)([A-Za-z0-9_]+):", line):
            path = [*path[: len(match[1]) // 2], match[2]]
            found[".".join(path)] = " ".join(pending)
        pending = []
    return found


def main() -> None:
    """Write the table; it is the last thing in the file."""
    readme = CHART / "README.md"
    before = readme.read_text(encoding="utf-8").partition("| key | default |")[0]
    values = (CHART / "values.yaml").read_text(encoding="utf-8")
    readme.write_text(before + table(values), encoding="utf-8")


if __name__ == "__main__":
    main()
