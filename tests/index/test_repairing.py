"""Chunks that are lost are noticed by counting, and what is damaged is mended from what is left."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.checks import qdrant
from harness.engines import Engines
from harness.errors import StoreDamagedError
from harness.index.options import IndexOptions
from harness.index.repairing import mend, proven
from harness.index.run import index_repository
from harness.index.wholeness import damage
from harness.store.edge import EdgeStore
from harness.store.edge_salvage import read_points
from harness.store.salvaging import SalvagedPoint
from harness.types import IndexReport
from tests.fakes.embedder import HashEmbedder


@pytest.fixture
def engines(tmp_path: Path) -> Engines:
    return Engines(HashEmbedder(), EdgeStore(tmp_path / "index", 30), tmp_path)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    for name in ("one", "two", "three"):
        path = folder / f"{name}.py"
        path.write_text(f"def {name}(value):\n    return value\n")
        os.utime(path, (1_600_000_000, 1_600_000_000))
    return folder


def run(engines: Engines, source: Path) -> IndexReport:
    report = index_repository("repo", source, engines, IndexOptions())
    engines.store.close()  # what is open is not looked at again
    return report


def collection(engines: Engines) -> str:
    return engines.store.manifests()[0].collection


def test_lost_chunks_are_counted_and_indexed_again(engines: Engines, source: Path) -> None:
    run(engines, source)
    assert damage(engines.store) == ""
    engines.store.delete_chunks(collection(engines), "repo", ["two.py"])
    assert damage(engines.store) == "repo lacks 1 chunks of 1 files"
    _, index = qdrant.checks(lambda: engines.store, HashEmbedder)
    assert index.run() == (False, "repo lacks 1 chunks of 1 files", "run `harness repair`")
    report = run(engines, source)
    assert (report.files_indexed, report.chunks_embedded, report.chunks_total) == (1, 1, 3)
    assert "lacks 1 chunks" in report.warnings[0]
    again = run(engines, source)
    assert (again.files_indexed, again.warnings) == (0, ())
    assert damage(engines.store) == ""


def test_chunks_that_no_record_knows_are_removed(engines: Engines, source: Path) -> None:
    run(engines, source)
    engines.store.delete_file_records(collection(engines), "repo", ["two.py"])
    (source / "two.py").unlink()
    assert damage(engines.store) == "repo has chunks of 1 files too many"
    report = run(engines, source)
    assert (report.files_deleted, report.chunks_total) == (1, 2)


def test_a_run_under_way_is_no_damage(engines: Engines, source: Path) -> None:
    run(engines, source)
    (record,) = engines.store.repositories()
    engines.store.put_repository(replace(record, unfinished=True))
    engines.store.delete_chunks(collection(engines), "repo", ["two.py"])
    assert damage(engines.store) == ""


def test_a_damaged_shard_is_mended_without_embedding(engines: Engines, source: Path) -> None:
    run(engines, source)
    (manifest,) = engines.store.manifests()
    shard = engines.data_dir / "index" / manifest.collection
    (pages,) = shard.glob("segments/*/payload_index/*-repo-map/page_0.dat")
    with pages.open("r+b") as file:
        file.write(b"\xff" * 5000)
    with pytest.raises(StoreDamagedError, match="harness repair"):
        engines.store.count_chunks(manifest.collection)
    assert isinstance(engines.embedder, HashEmbedder)
    engines.embedder.embedded.clear()
    mended = mend(engines.store, manifest, thorough=True)
    assert mended is not None
    assert mended.kept == 3
    assert mended.folder is not None
    assert (mended.folder / "segments").is_dir(), "moved aside, not deleted"
    assert damage(engines.store) == ""
    assert engines.embedder.embedded == []
    assert mend(engines.store, manifest, thorough=True) is None


def test_vectors_of_damaged_files_are_not_used(engines: Engines, source: Path) -> None:
    run(engines, source)
    (manifest,) = engines.store.manifests()
    shard = engines.data_dir / "index" / manifest.collection
    (vectors,) = shard.glob("segments/*/vector_storage-dense/vectors/chunk_0.mmap")
    with vectors.open("r+b") as file:
        file.seek(3)
        file.write(b"\xbf")  # a sign: the vector keeps its length
    report = run(engines, source)
    assert report.chunks_embedded == 3
    assert "0 chunks could be kept" in report.warnings[0]


def test_only_a_chunk_in_which_all_fits_is_kept(engines: Engines, source: Path) -> None:
    run(engines, source)
    (manifest,) = engines.store.manifests()
    points = list(read_points(engines.data_dir / "index" / manifest.collection))
    assert len(list(proven(manifest, iter(points)))) == 3
    good = points[0]

    def with_payload(**changes: object) -> SalvagedPoint:
        return replace(good, payload={**good.payload, **changes})

    bad = [
        replace(good, id=points[1].id),
        replace(good, id="no id"),
        replace(good, dense=good.dense * np.float32(1.5)),
        replace(good, dense=good.dense * np.float32("nan")),
        replace(good, dense=good.dense[:-1]),
        with_payload(text="other"),
        with_payload(path="other.py"),
        with_payload(repo="other"),
        with_payload(symbol="other"),
        with_payload(end_line=900),
        with_payload(names=["other"]),
        with_payload(chunk_hash="other"),
        with_payload(embed_hash="other"),
        replace(good, payload={}),
    ]
    assert list(proven(manifest, iter(bad))) == []
