"""Provisioning checks: what ``harness doctor`` prints and the ``check-stack`` flow records.

A check never raises and has a time-out of its own; all run at once.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError

CHECK_TIMEOUT_SECONDS = 30.0
# An index takes about 5 kB a chunk; below this a run may well fill the disk.
_MIN_FREE_BYTES = 1_000_000_000


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Outcome of one check; ``ok`` is None when it was skipped because nothing is configured."""

    name: str
    ok: bool | None
    detail: str
    remedy: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Check:
    """A named check: returns (ok or None for skipped, detail, remedy), or raises."""

    name: str
    run: Callable[[], tuple[bool | None, str, str]]
    remedy: str = ""


def run_checks(checks: Sequence[Check] | None = None) -> list[CheckResult]:
    """Run checks concurrently; results in the order given. Never raises.

    :param checks: those to run; None takes all that the settings call for.
    """
    wanted = list(checks) if checks is not None else configured_checks()
    pool = ThreadPoolExecutor(max_workers=len(wanted) or 1, thread_name_prefix="check")
    try:
        futures = [(check, pool.submit(run_check, check)) for check in wanted]
        deadline = time.monotonic() + CHECK_TIMEOUT_SECONDS
        results = []
        for check, future in futures:
            try:
                results.append(future.result(timeout=max(0.0, deadline - time.monotonic())))
            except FutureTimeoutError:
                detail = f"no answer within {CHECK_TIMEOUT_SECONDS:.0f} s"
                results.append(
                    CheckResult(check.name, False, detail, check.remedy, CHECK_TIMEOUT_SECONDS)
                )
        return results
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def run_check(check: Check) -> CheckResult:
    """Run one check; any exception becomes a failed result of one line."""
    began = time.perf_counter()
    try:
        ok, detail, remedy = check.run()
    except HarnessError as error:
        ok, detail, remedy = False, str(error), check.remedy
    except Exception as error:  # a check reports, whatever happens
        ok, detail, remedy = False, f"{type(error).__name__}: {error}", check.remedy
    line = " ".join(detail.split())
    return CheckResult(check.name, ok, line, remedy, round(time.perf_counter() - began, 3))


def configured_checks() -> list[Check]:
    """The checks that the environment's settings call for."""
    from harness.settings import DataSettings, IndexSettings, OllamaSettings, QdrantSettings, load

    try:
        data, index = load(DataSettings), load(IndexSettings)
        ollama, qdrant = load(OllamaSettings), load(QdrantSettings)
    except HarnessError as error:
        message = str(error)
        return [Check("settings", lambda: (False, message, "correct the variable named"))]
    return [
        Check("git", _git, "install git"),
        Check(
            "data directory",
            lambda: _writable(data.data_dir, "set HARNESS_DATA_DIR to a folder you can write to"),
        ),
        Check("repositories root", lambda: _repos_root(data.repos_root)),
        Check(
            "embedding model",
            lambda: _embedding(ollama),
            "reinstall the package, or correct OLLAMA_HOST and EMBED_MODEL",
        ),
        Check("vector store", lambda: _store(data, index, qdrant)),
    ]


def _git() -> tuple[bool | None, str, str]:
    found = shutil.which("git")
    if not found:
        return False, "git is not on the PATH", "install git (your package manager has it)"
    return True, found, ""


def _writable(folder: Path, remedy: str) -> tuple[bool | None, str, str]:
    existing = folder
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return False, f"{folder} cannot be written", remedy
    free = shutil.disk_usage(existing).free
    if free < _MIN_FREE_BYTES:
        return False, f"{folder}: only {free / 1e6:.0f} MB free", "free some disk space"
    return True, f"{folder} ({free / 1e9:.0f} GB free)", ""


def _repos_root(root: Path | None) -> tuple[bool | None, str, str]:
    if root is None:
        return None, "HARNESS_REPOS_ROOT is not set: no nightly indexing", ""
    if not root.is_dir() or not os.access(root, os.R_OK | os.X_OK):
        return False, f"{root} cannot be read", "set HARNESS_REPOS_ROOT to a readable folder"
    return True, str(root), ""


def _embedding(settings: object) -> tuple[bool | None, str, str]:
    import numpy as np

    from harness.engines import open_embedder
    from harness.settings import OllamaSettings

    assert isinstance(settings, OllamaSettings)  # noqa: S101 - for the type checker
    embedder = open_embedder(settings)
    vector = embedder.embed_query("probe")
    if vector.shape != (embedder.dimension,) or not np.isfinite(vector).all():
        return False, f"{embedder.model} answered with a vector that cannot be used", ""
    where = "in this process" if embedder.engine == "embedded" else str(settings.host)
    return True, f"{embedder.model} ({embedder.engine}, {where}), {embedder.dimension} dim", ""


def _store(data: object, index: object, qdrant: object) -> tuple[bool | None, str, str]:
    from harness.engines import open_store

    store = open_store(data, index, qdrant)  # type: ignore[arg-type]
    try:
        repositories = store.repositories()
        chunks = sum(store.count_chunks(m.collection) for m in store.manifests())
    finally:
        store.close()
    return True, f"{store.engine}: {len(repositories)} repositories, {chunks} chunks", ""
