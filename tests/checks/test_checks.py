"""Provisioning checks: never a traceback, always a remedy."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from harness.checks import Check, check_stack, run_checks
from harness.checks import running as running_module
from harness.checks.configured import configured_checks
from harness.checks.ollama import checks as ollama_checks
from harness.errors import ServiceUnavailableError
from harness.models.ollama.options import OllamaOptions
from harness.models.static.embedder import StaticEmbedder
from tests.fakes.ollama_server import FakeOllama


def raising(error: Exception) -> Check:
    def run() -> tuple[bool | None, str, str]:
        raise error

    return Check("raises", run, "the check's remedy")


@pytest.mark.parametrize(
    ("error", "detail", "remedy"),
    [
        pytest.param(
            ServiceUnavailableError("x is down; start it"), "x is down", "start it", id="ours"
        ),
        pytest.param(
            ValueError("two\nlines"), "ValueError: two lines", "the check's remedy", id="any"
        ),
        pytest.param(
            ServiceUnavailableError("x is down"), "x is down", "the check's remedy", id="no-remedy"
        ),
    ],
)
def test_a_check_never_raises(error: Exception, detail: str, remedy: str) -> None:
    (result,) = run_checks([raising(error)])
    assert (result.ok, result.detail, result.remedy) == (False, detail, remedy)


def test_checks_run_at_once_and_keep_their_order() -> None:
    together = threading.Barrier(6)

    def slow() -> tuple[bool | None, str, str]:
        together.wait(timeout=30)  # breaks unless all six are here
        return True, "", ""

    results = run_checks([Check(f"slow {n}", slow) for n in range(6)])
    assert [(result.name, result.ok) for result in results] == [
        (f"slow {n}", True) for n in range(6)
    ]


def test_a_variable_that_means_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_NUMCTX", "8192")
    monkeypatch.setenv("HARNESS_FLAVOUR", "mint")
    monkeypatch.setenv("HARNESS_TASK", "known, though no setting")
    result = next(r for r in run_checks(configured_checks()[:1]))
    assert (result.name, result.ok) == ("settings", False)
    assert result.detail == "not a setting: HARNESS_FLAVOUR, HARNESS_NUMCTX (HARNESS_NUM_CTX?)"
    assert "docs/settings.md" in result.remedy


def test_a_check_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    # Enough for the other one also on a busy machine.
    monkeypatch.setattr(running_module, "CHECK_TIMEOUT_SECONDS", 1.0)
    is_over = threading.Event()

    def hang() -> tuple[bool | None, str, str]:
        is_over.wait(600)
        return True, "", ""

    try:
        first, second = run_checks(
            [Check("hangs", hang, "wait"), Check("works", lambda: (True, "", ""))]
        )
    finally:
        is_over.set()
    assert (first.ok, first.remedy) == (False, "wait")
    assert "no answer" in first.detail
    assert second.ok is True


@pytest.fixture
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    import os

    for name in list(os.environ):
        if name.startswith(("HARNESS_", "OLLAMA_", "QDRANT_", "PREFECT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "data"))
    return monkeypatch


def failures() -> dict[str, tuple[str, str]]:
    return {r.name: (r.detail, r.remedy) for r in check_stack() if r.ok is False}


def test_nothing_configured(clean: pytest.MonkeyPatch) -> None:
    assert failures() == {}


def test_services_that_do_not_answer(clean: pytest.MonkeyPatch) -> None:
    clean.setenv("OLLAMA_HOST", "127.0.0.1:1")
    clean.setenv("QDRANT_URL", "http://127.0.0.1:1")
    failed = failures()
    assert set(failed) == {"ollama", "chat model", "embedding model", "vector store", "index"}
    assert all(remedy for _, remedy in failed.values())
    assert "QDRANT_HOST" in failed["vector store"][1]


def test_a_missing_model_names_the_command(clean: pytest.MonkeyPatch) -> None:
    with FakeOllama() as server:
        server.version = "0.0.0"  # built from the sources
        clean.setenv("OLLAMA_HOST", server.url)
        clean.setenv("CHAT_MODEL", "not-there")
        clean.setenv("EMBED_MODEL", "not-there-either")
        failed = failures()
    assert "harness models pull not-there" in " ".join(failed["chat model"])
    assert "harness models pull not-there-either" in " ".join(failed["embedding model"])
    assert "ollama" not in failed


@pytest.mark.parametrize(
    ("version", "is_fine"),
    [
        pytest.param("0.12.5", False, id="last that cuts"),
        pytest.param("0.12.6-rc0", True, id="first that does not"),
        pytest.param("0.9.9", False, id="by number, not by letter"),
        pytest.param("unknown", True, id="no number"),
    ],
)
def test_a_server_that_cuts_prompts_is_to_be_updated(version: str, is_fine: bool) -> None:
    with FakeOllama() as server:
        server.version = version
        check = ollama_checks(OllamaOptions(host=server.url), "auto", StaticEmbedder)[0]
        (result,) = run_checks([check])
    assert result.ok is is_fine
    assert version in result.detail
    assert is_fine or result.remedy == "update Ollama to 0.12.6 or newer"


def test_a_bad_setting_is_a_failed_check(clean: pytest.MonkeyPatch) -> None:
    clean.setenv("HARNESS_MAX_FILE_BYTES", "many")
    assert "HARNESS_MAX_FILE_BYTES" in failures()["settings"][0]


def test_isolation_that_is_too_low_is_a_failed_check(monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.checks import local
    from harness.workspace.isolation import Isolation

    here = Isolation("landlock+seccomp", reason="namespaces: not permitted, twice")
    monkeypatch.setattr("harness.workspace.isolation.probe_isolation", lambda network: here)
    assert local.isolation("landlock+seccomp", network=False) == (
        *(True, "landlock+seccomp (namespaces: not permitted, twice)", ""),
    )
    ok, detail, remedy = local.isolation("namespaces", network=True)
    assert (ok, detail.split(" (")[0]) == (False, "landlock+seccomp, with network")
    assert "HARNESS_COMMAND_ISOLATION=landlock+seccomp" in remedy


def test_folders_without_their_volumes_are_not_checked(clean: pytest.MonkeyPatch) -> None:
    clean.setenv("HARNESS_CHECK_FOLDERS", "false")
    clean.setenv("HARNESS_BACKUP_DIR", "/proc/nowhere")
    clean.setenv("HARNESS_REPOS_ROOT", "/proc/nowhere")
    found = {result.name: result for result in check_stack()}
    for name in ("backup directory", "results directory", "repositories root"):
        assert found[name].ok is None, found[name]
    assert found["data directory"].ok
