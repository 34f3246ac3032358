"""What the pages say to paste is run, line by line and in their order, on repositories where the
pages have theirs; what cannot be run here says what it needs, or which test runs it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from docsite.links import ROOT, pages
from tests.cli.runs import ROUTING, SESSION, Run
from tests.repositories import make_repository

_BLOCK = re.compile(r"^ *```(?:sh|bash|console)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
# Commands of Harness that last, ask a server or a model, or read what an earlier day has left.
ELSEWHERE = {
    "up": "tests/e2e/test_local_stack.py",
    "down": "tests/e2e/test_local_stack.py",
    "run": "tests/e2e/test_local_stack.py",
    "serve": "tests/e2e/test_local_stack.py",
    "models": "tests/test_services.py",
    "task": "tests/test_services.py",
    "chat": "tests/agent/test_chat.py",
    "results get": "tests/cli/test_results.py",
    "restore": "tests/cli/test_backup.py",
    "symbol": "tests/cli/test_symbol.py",
}
# The rest of a block that sets one of these asks that server.
SERVERS = {
    "OLLAMA_HOST": "tests/test_services.py",
    "QDRANT_HOST": "tests/test_services.py",
    "HARNESS_URL": "tests/service_client/test_client.py",
    "HARNESS_RESULTS_URL": "tests/flows/test_agent_flows.py",
    "HARNESS_CREDENTIALS_DIR": "tests/repository/test_credentials.py",
}
# Other programs: a test that runs what they are for, or what they need and no test has.
PROGRAMS = {
    "make": "tests/test_project.py",
    "uv": "tests/e2e/test_installed.py",
    "pip": "tests/e2e/test_installed.py",
    "pipx": "tests/e2e/test_installed.py",
    "docker": "tests/k8s/test_image.py",
    "helm": "tests/e2e/test_cluster.py",
    "kubectl": "tests/e2e/test_cluster.py",
    "k8s/create-secrets.sh": "tests/k8s/test_secrets.py",
    "claude": "tests/test_mcp.py",
    "curl": "a server",
    "git": "a newer version",
}
SHELL = {"export", "source", "umask", "echo", "while", "do", "done", "body", "stamp", "mac", "-H"}


def _lines(page: Path) -> Iterator[tuple[list[str], str]]:
    """The words of each line, and the server that its block has named by then."""
    for block in _BLOCK.findall(page.read_text(encoding="utf-8")):
        server = ""
        for line in block.replace("\\\n", " ").splitlines():
            server = next((name for name in SERVERS if f"{name}=" in line), server)
            if line.strip() and not line.lstrip().startswith("#"):
                words = shlex.split(line, comments=True)
                if words[:3] == ["python", "-m", "harness"]:
                    words = ["harness", "ask", *words[3:]]
                yield words, server


def _needs(words: list[str], server: str) -> str:
    """What a line needs that is not here; empty: it is run."""
    if words[0] != "harness":
        return PROGRAMS.get(words[0]) or "a shell"
    if any("example.org" in word for word in words):
        return "a git server"
    return (
        ELSEWHERE.get(" ".join(words[1:3]))
        or ELSEWHERE.get(words[1], "")
        or (SERVERS[server] if server else "")
    )


def test_what_the_pages_say_works(
    harness: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    root = tmp_path / "src"
    for name in ("your-project", "web", "tools"):
        files: dict[str, str | bytes] = {"src/routing.py": ROUTING, "src/session.py": SESSION}
        make_repository(root / name, files)
    monkeypatch.chdir(root / "web")
    first = ROOT / "README.md"
    for page in (first, *(one for one in pages() if one != first)):
        here = [words for words, server in _lines(page) if not _needs(words, server)]
        # A page goes on where the README has stopped, not where another one has.
        if here and page != first:
            assert harness("index", str(root / "web"))[0] == 0
        for words in here:
            told = [word.replace("~", str(tmp_path)) for word in words[1:] if word != "PATH"]
            code, out, err = harness(*told)
            assert code == 0, (page.name, words, out, err)
            assert out or err, (page.name, words)


def test_every_other_line_says_what_it_needs() -> None:
    known = {*PROGRAMS, *SHELL, "harness", "#!/bin/sh"}
    for page in pages():
        for words, _ in _lines(page):
            assert words[0].partition("=")[0] in known, f"{page.name}: {words}"
    named = {*ELSEWHERE.values(), *SERVERS.values(), *PROGRAMS.values()}
    assert {one for one in named if "/" in one and not (ROOT / one).is_file()} == set()
