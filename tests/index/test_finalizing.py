"""What a run that was killed after its end has left is removed by the next one."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from harness.engines import Engines
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.store import integrity
from harness.store.edge import EdgeStore
from tests.fakes.embedder import HashEmbedder


class Killed(BaseException):
    pass


def kill(*_: object) -> None:
    raise Killed


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("harness.store.edge.EdgeStore.drop_collection", id="before the removal"),
        pytest.param("harness.store.edge_shards.EdgeShards.delete", id="in the removal"),
    ],
)
@pytest.mark.parametrize("changed", [False, True], ids=["nothing changed", "changed"])
def test_the_collection_of_another_model_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, changed: bool
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "one.py").write_text("def one():\n    return 1\n")

    def run(model: str) -> None:
        with Engines(HashEmbedder(model=model), EdgeStore(tmp_path / "index"), tmp_path) as engines:
            index_repository("repo", source, engines, IndexOptions())

    def shards() -> list[Path]:
        return [path for path in (tmp_path / "index").glob("harness-*") if path.is_dir()]

    run("hash")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(moment, kill)
        run("other")
    assert len(shards()) == 2
    if changed:
        (source / "two.py").write_text("def two():\n    return 2\n")
    run("other")
    assert len(shards()) == 1


def test_a_shard_whose_record_was_lost_stays(tmp_path: Path) -> None:
    lost = tmp_path / "index" / "harness-0123456789abcdef"
    lost.mkdir(parents=True)
    (lost / integrity.SEAL).write_text("{}")
    with closing(EdgeStore(tmp_path / "index")) as store:
        store.remove_leftovers()
        assert lost.exists()
        (lost / integrity.SEAL).unlink()
        store.remove_leftovers()
        assert not lost.exists()
