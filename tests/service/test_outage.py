"""A Qdrant server that goes away and comes back, as when its pod is replaced."""

from __future__ import annotations

from pathlib import Path

from harness.engines import Engines
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.store.opening import open_store
from harness.store.options import QdrantOptions
from tests.fakes.embedder import HashEmbedder
from tests.fakes.qdrant_server import FakeQdrant
from tests.repositories import make_repository
from tests.service.lab import running

SEARCH = "/api/v1/search?q=sign_session"


def test_searches_are_refused_clearly_while_the_store_is_away(tmp_path: Path) -> None:
    source = make_repository(tmp_path / "web", {"session.py": "def sign_session():\n    pass\n"})

    with FakeQdrant() as qdrant:

        def engines() -> Engines:
            store = open_store(QdrantOptions(url=qdrant.url, grpc_port=0))
            return Engines(HashEmbedder(), store, tmp_path / "data")

        with engines() as own:
            index_repository("web", source, own, IndexOptions())
        qdrant.is_down = True
        with running(tmp_path, tmp_path / "service", open_engines=engines) as lab:

            def refused() -> bool:
                answer = lab.get(SEARCH, "reader")
                assert answer.status_code == 503
                assert int(answer.headers["retry-after"]) > 0
                return qdrant.url in answer.json()["error"]

            assert refused(), "it starts before its store does"
            qdrant.is_down = False
            found = lab.get(SEARCH, "reader")
            assert found.status_code == 200
            qdrant.is_down = True
            assert refused()
            qdrant.is_down = False
            assert lab.get(SEARCH, "reader").json() == found.json()
            assert [hit["path"] for hit in found.json()["results"]] == ["session.py"]
