"""Misspelt questions and questions in other languages, of a real index with the real model."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.engines import Engines
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.models.static.embedder import StaticEmbedder
from harness.search import retrieval
from harness.store.edge import EdgeStore
from tests.models.static.test_embedder import PASSAGES


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    folder = tmp_path_factory.mktemp("other_languages")
    for name, passage in PASSAGES.items():
        file = folder / "source" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(passage.partition("\n")[2])
    with Engines(StaticEmbedder(), EdgeStore(folder / "index"), folder) as opened:
        index_repository("source", folder / "source", opened, IndexOptions())
        yield opened


@pytest.mark.parametrize(
    ("question", "path"),
    [
        pytest.param("Wie wird das Sitzungscookie signiert?", "web/session.py", id="German"),
        pytest.param("Farben zerlegen", "ui/colors.ts", id="German, short"),
        pytest.param("如何打开数据库连接", "db/connection.go", id="Chinese"),
        pytest.param("发送邮件", "mail/send.php", id="Chinese, short"),
        pytest.param("où le fichier est-il supprimé", "files/remove.rs", id="French"),
        pytest.param("cargar la configuración", "config/load.js", id="Spanish"),
        pytest.param("onde o utilizador faz login com a senha", "auth/login.rb", id="Portuguese"),
        pytest.param("где переименовывается журнал", "log/rotate.c", id="Russian"),
        pytest.param("設定の読み込み", "config/load.js", id="Japanese"),
        pytest.param("sesssion liftime", "web/session.py", id="misspelt"),
        pytest.param("autentication", "auth/login.rb", id="misspelt, alone"),
    ],
)
def test_a_question_finds_its_file_first(engines: Engines, question: str, path: str) -> None:
    assert retrieval.search(question, engines)[0].path == path
