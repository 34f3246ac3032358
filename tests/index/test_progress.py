"""Progress of a run: each file is counted once, whatever happens to its batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from harness.engines import Engines
from harness.errors import PermanentError, ServiceUnavailableError
from harness.index.batches import Progress
from harness.index.options import IndexOptions
from harness.index.planning import IndexPlan
from harness.index.run import index_repository
from harness.store.edge import EdgeStore
from harness.types import FloatArray
from tests.fakes.embedder import HashEmbedder
from tests.repositories import make_repository

BODY = "".join(f"def f_{n}(argument):\n    return [argument, {n}]\n\n\n" for n in range(150))


class Failing(HashEmbedder):
    """Raises from the given calls on, or at them alone."""

    def __init__(self, raises: Callable[[int], Exception | None]) -> None:
        super().__init__()
        self._raises = raises
        self._call = 0

    def embed_documents(self, texts: Sequence[str]) -> FloatArray:
        self._call += 1
        error = self._raises(self._call)
        if error is not None:
            raise error
        return super().embed_documents(texts)


def busy_at(*calls: int) -> Callable[[int], Exception | None]:
    return lambda call: ServiceUnavailableError("busy") if call in calls else None


def broken_from(first: int) -> Callable[[int], Exception | None]:
    return lambda call: PermanentError("broken") if call >= first else None


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    files: dict[str, str | bytes] = {f"{n}.py": f"# {n}\n{BODY}" for n in range(6)}
    yield make_repository(tmp_path / "web", files | {"blob": b"\0", "note.md": "# Note\n"})


@pytest.mark.parametrize(
    ("raises", "failed"),
    [
        pytest.param(busy_at(), 0, id="smooth"),
        pytest.param(busy_at(2, 5, 6), 0, id="tried-again"),
        pytest.param(broken_from(3), 1, id="broken"),
        pytest.param(broken_from(1), 1, id="all-broken"),
    ],
)
def test_the_bar_ends_at_all_files_and_never_beyond(
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    raises: Callable[[int], Exception | None],
    failed: int,
) -> None:
    monkeypatch.setattr("harness.retrying.time.sleep", lambda _seconds: None)
    engines = Engines(Failing(raises), EdgeStore(tmp_path / "index"), tmp_path / "data")
    plans: list[IndexPlan] = []
    files, size, seen = 0, 0.0, []

    def advance(step: Progress) -> None:
        nonlocal files, size
        files += step.files
        size += step.size_bytes
        seen.append(files)

    with engines:
        report = index_repository(
            "web", root, engines, IndexOptions(),
            on_plan=plans.append, on_progress=advance, batch_bytes=8_000,
        )  # fmt: skip
    assert (report.files_failed > 0) == bool(failed)
    assert files == plans[0].files_to_index == 8
    assert size == pytest.approx(plans[0].size_bytes)
    assert min(seen) >= 0 and max(seen) == files


def test_files_are_counted_one_by_one_within_a_batch(root: Path, tmp_path: Path) -> None:
    engines = Engines(HashEmbedder(), EdgeStore(tmp_path / "index"), tmp_path / "data")
    seen: list[int] = []
    with engines:
        index_repository(
            "web", root, engines, IndexOptions(), on_progress=lambda step: seen.append(step.files)
        )
    counted = [files for files in seen if files]
    assert sum(counted) == 8
    assert len(counted) > 2, "they all came at once"
