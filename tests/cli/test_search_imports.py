"""What a search from the shell loads: every module costs each search its time."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path


def test_a_search_loads_no_part_of_indexing(tmp_path: Path) -> None:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "a.py").write_text("def find_me():\n    return 1\n")
    environment = {"HARNESS_DATA_DIR": str(tmp_path / "data"), "PATH": "/usr/bin:/bin"}

    def harness(*arguments: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *options, "-m", "harness", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True)

    harness("index", str(folder))
    found = harness("search", "find_me", options=("-X", "importtime"))
    assert "a.py:1" in found.stdout
    loaded = set(re.findall(r"import time:[^|]*\|[^|]*\|\s*(\S+)", found.stderr))
    assert "harness.search.retrieval" in loaded
    heavy = re.compile(
        r"tree_sitter|langchain|prefect|typer|rich|httpx|harness\.chunking|harness\.agent\.loop"
        r"|harness\.repository\.(walk|content|git|checkout)"
        r"|harness\.index\.(planning|batches|preparing|run)$"
    )
    assert sorted(name for name in loaded if heavy.match(name)) == []
