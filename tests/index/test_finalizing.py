"""What a run that was killed after its end has left is removed by the next one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from harness.engines import Engines
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.store import integrity
from harness.store.edge import EdgeStore
from harness.store.opening import open_store
from harness.store.options import QdrantOptions
from harness.store.protocol import VectorStore
from harness.store.qdrant_requests import QdrantRequests
from harness.types import IndexReport
from tests.fakes.embedder import HashEmbedder
from tests.fakes.qdrant_server import FakeQdrant


class Killed(BaseException):
    pass


def kill(*_: object) -> None:
    raise Killed


_OTHERS = {"harness-catalog", "harness-leases"}


class Indexes:
    """A store that is opened for each run, and what there is in it, known or not."""

    def __init__(self, folder: Path, server: FakeQdrant | None) -> None:
        self.source = folder / "source"
        self.source.mkdir()
        self.write("one")
        self._folder = folder
        self._server = server

    def write(self, name: str) -> None:
        (self.source / f"{name}.py").write_text(f"def {name}():\n    return 1\n")

    def run(self, model: str) -> IndexReport:
        store: VectorStore
        if self._server is None:
            store = EdgeStore(self._folder / "index")
        else:
            store = open_store(QdrantOptions(url=self._server.url, grpc_port=0))
        with Engines(HashEmbedder(model=model), store, self._folder) as engines:
            return index_repository("repo", self.source, engines, IndexOptions())

    def collections(self) -> set[str]:
        """Those of chunks, and of the files of those that are gone."""
        if self._server is None:
            return {path.name for path in self._folder.glob("index/harness-*") if path.is_dir()}
        names = {one.name for one in self._server.client.get_collections().collections}
        return {name.removesuffix("-files") for name in names} - _OTHERS


@pytest.fixture
def indexes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Indexes]:
    if request.param == "edge":
        yield Indexes(tmp_path, None)
        return
    with FakeQdrant() as server:
        yield Indexes(tmp_path, server)


_BEFORE = "edge.EdgeStore.drop_collection"
_WITHIN = "edge_shards.EdgeShards.delete"


@pytest.mark.parametrize(
    ("indexes", "moment", "changed"),
    [
        pytest.param("edge", _BEFORE, False, id="before the removal"),
        pytest.param("edge", _WITHIN, False, id="in the removal"),
        pytest.param("edge", _BEFORE, True, id="before the removal, changed"),
        pytest.param("edge", _WITHIN, True, id="in the removal, changed"),
        pytest.param("server", "qdrant.QdrantStore.drop_collection", True, id="server, before"),
        pytest.param("server", "qdrant_requests.QdrantRequests.drop", False, id="server, in it"),
        pytest.param("server", "qdrant.QdrantStore.forget_manifest", False, id="server, after"),
    ],
    indirect=["indexes"],
)
def test_the_collection_of_another_model_goes(
    indexes: Indexes, monkeypatch: pytest.MonkeyPatch, moment: str, changed: bool
) -> None:
    indexes.run("hash")
    (former,) = indexes.collections()
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(f"harness.store.{moment}", kill)
        indexes.run("other")
    if changed:
        indexes.write("two")
    indexes.run("other")
    (present,) = indexes.collections()
    assert present != former


@pytest.mark.parametrize("indexes", ["server"], indirect=True)
def test_half_of_a_collection_is_not_taken_for_one(
    indexes: Indexes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its chunks are gone, and what is said of its files is there."""
    drop = QdrantRequests.drop

    def until_the_files(self: QdrantRequests, name: str) -> None:
        if name.endswith("-files"):
            raise Killed
        drop(self, name)

    indexes.run("hash")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(QdrantRequests, "drop", until_the_files)
        indexes.run("other")
    back = indexes.run("hash")
    assert (back.files_indexed, back.warnings) == (1, ())
    assert len(indexes.collections()) == 1


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
