"""A whole search over a small index: filters, several collections, models that cannot be had."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import PRODUCT_THREADS
from harness.engines import Engines
from harness.errors import RepositoryNotFoundError, ServiceUnavailableError, UsageError
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.models.protocols import Embedder
from harness.search import retrieval
from harness.search.query import parse
from harness.search.query_embedder import dense_vector
from harness.store.edge import EdgeStore
from harness.types import FloatArray
from tests.fakes.embedder import HashEmbedder

FILES = {
    "README.md": "# Project\n\nRoutes and sessions.\n",
    "src/routing.py": "def register_route(rule):\n    return Route(rule)\n",
    "src/session.py": "def sign_session(value):\n    return sign(value)\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "project"


@pytest.fixture
def engines(root: Path, tmp_path: Path) -> Iterator[Engines]:
    with Engines(HashEmbedder(), EdgeStore(tmp_path / "index"), tmp_path) as opened:
        index_repository("project", root, opened, IndexOptions())
        yield opened


def rebuilt(engines: Engines, embedder: Embedder, **options: Any) -> Engines:
    """The same index, as it is seen with another embedder configured."""
    return Engines(embedder, engines.store, engines.data_dir, **options)


def found(engines: Engines, text: str = "sign session", **filters: Any) -> set[str]:
    return {hit.path for hit in retrieval.search(text, engines, limit=50, **filters)}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        pytest.param({"text": "  "}, UsageError, id="empty"),
        pytest.param({"text": "x", "repo": "nope"}, RepositoryNotFoundError, id="unknown"),
        pytest.param({"text": "x", "limit": 0}, UsageError, id="limit-0"),
        pytest.param({"text": "x", "limit": 10**6}, UsageError, id="limit-huge"),
    ],
)
def test_bad_searches(engines: Engines, arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        retrieval.search(engines=engines, **arguments)


@pytest.mark.parametrize(
    ("filters", "paths"),
    [
        pytest.param({"language": "markdown"}, {"README.md"}, id="language"),
        pytest.param({"path_glob": "*.md"}, {"README.md"}, id="name-glob"),
        pytest.param({"path_glob": "src/*"}, {"src/routing.py", "src/session.py"}, id="star"),
        pytest.param({"path_glob": "src/"}, {"src/routing.py", "src/session.py"}, id="folder"),
        pytest.param({"path_glob": "**/session.py"}, {"src/session.py"}, id="any-depth"),
        pytest.param({"path_glob": "src/", "language": "markdown"}, set(), id="both"),
        pytest.param({"language": "MD"}, {"README.md"}, id="language-alias"),
        pytest.param({"language": ".py"}, {"src/routing.py", "src/session.py"}, id="extension"),
        pytest.param({"path_glob": "!src"}, {"README.md"}, id="all-but"),
        pytest.param({"path_glob": "./README.md:1-3"}, {"README.md"}, id="as-printed"),
        pytest.param({"path_glob": "  "}, set(FILES), id="blank"),
    ],
)
def test_filters(engines: Engines, filters: dict[str, str], paths: set[str]) -> None:
    assert found(engines, "routes and sessions", **filters) == paths


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        pytest.param({"path_glob": "nothing/**"}, "the folders are: src/", id="path"),
        pytest.param({"path_glob": "~nobody/x"}, "relative to one", id="someone's-home"),
        pytest.param({"path_glob": "../x"}, "out of the repository", id="above"),
        pytest.param({"path_glob": "a\nb"}, "one line", id="two-lines"),
        pytest.param({"language": "klingon"}, "are: markdown, python", id="unknown-language"),
        pytest.param({"language": "rust"}, "are: markdown, python", id="other-language"),
        pytest.param({"language": "\udce9"}, "are: markdown, python", id="no-text"),
    ],
)
def test_filters_that_match_nothing_say_what_there_is(
    engines: Engines, filters: dict[str, str], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        found(engines, **filters)


def test_a_language_may_be_named_by_any_extension_in_the_index(
    engines: Engines, root: Path
) -> None:
    (root / "blink.INO").write_text("void setup() { sign_session(); }\n")
    index_repository("project", root, engines, IndexOptions())
    assert "blink.INO" in found(engines, language="ino")


def test_a_path_filter_may_be_absolute(engines: Engines, root: Path, tmp_path: Path) -> None:
    assert found(engines, path_glob=str(root)) == set(FILES)
    assert found(engines, path_glob=f"{root}/src/*.py") == {"src/routing.py", "src/session.py"}
    link = tmp_path / "link"
    link.symlink_to(root)
    assert found(engines, path_glob=f"{link}/README.md") == {"README.md"}


def test_a_relative_path_filter_begins_where_one_is(
    engines: Engines, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root / "src")
    assert found(engines, path_glob="./session.py") == {"src/session.py"}
    assert found(engines, path_glob="../README.md") == {"README.md"}
    assert found(engines, path_glob="./src") == {"src/routing.py", "src/session.py"}


def test_a_repository_is_named_or_its_folder_is(
    engines: Engines, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = found(engines, repo="project")
    monkeypatch.chdir(root)
    for repo in (str(root), f"{root}/", ".", "project/", f"{root}/src/.."):
        assert found(engines, repo=repo) == everything
    with pytest.raises(UsageError, match=r"--repo project --path 'src/\*\*'"):
        found(engines, repo=str(root / "src"))
    for repo in (str(root.parent), "nope/x", "\udce9", "a\0b", "~nobody/x"):
        with pytest.raises(RepositoryNotFoundError, match="indexed are: project"):
            found(engines, repo=repo)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("sign session caf\udce9", id="surrogate"),
        pytest.param("sign\0session", id="nul"),
        pytest.param("\x1b[31msign session\x1b[0m", id="colours"),
        pytest.param("sign session \U0001f510 \u202e", id="emoji"),
        pytest.param("sign session " + "x" * 1_000_000, id="long-word"),
        pytest.param("sign session\n" * 20_000, id="long"),
    ],
)
def test_a_query_may_hold_anything(engines: Engines, text: str) -> None:
    assert retrieval.search(text, engines)[0].path == "src/session.py"


@pytest.mark.parametrize("text", ["\ufffd", "\0\0", "\x07"])
def test_a_query_that_nothing_can_be_read_of_is_empty(engines: Engines, text: str) -> None:
    with pytest.raises(UsageError, match="empty"):
        retrieval.search(text, engines)


@pytest.mark.parametrize(
    "text", ["???", "→", "\U0001f4a5", "()", "' '", "-", "/", "\\", "...", "**"]
)
def test_a_query_may_have_no_word(engines: Engines, text: str) -> None:
    assert {hit.path for hit in retrieval.search(text, engines)} <= set(FILES)


def test_two_collections_are_searched_together(engines: Engines, root: Path) -> None:
    shutil.copytree(root, root.parent / "second")
    other = rebuilt(engines, HashEmbedder(48, "newer"))
    index_repository("second", root.parent / "second", other, IndexOptions())
    assert len(engines.store.manifests()) == 2
    assert {hit.repo for hit in retrieval.search("sign session", other)} == {"project", "second"}


class GoneEmbedder(HashEmbedder):
    """A model whose server is gone."""

    def embed_query(self, text: str) -> FloatArray:
        raise ServiceUnavailableError("the server is gone")


class OtherWidth(HashEmbedder):
    """The model of the same name and weights, with vectors of another length."""

    digest = HashEmbedder().digest  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("embedder", "said"),
    [
        pytest.param(GoneEmbedder(), "lexical only: the server is gone", id="gone"),
        pytest.param(HashEmbedder(32, "another"), "made by hash (test)", id="another-model"),
        pytest.param(OtherWidth(48), "made by hash (test)", id="another-length"),
    ],
)
def test_without_its_model_an_index_is_searched_lexically(
    engines: Engines, embedder: HashEmbedder, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    other = rebuilt(engines, embedder)
    (manifest,) = engines.store.manifests()
    assert dense_vector(parse("sign session"), manifest.collection, other) is None
    assert said in caplog.text
    assert retrieval.search("sign session", other)[0].path == "src/session.py"


def test_the_model_that_made_an_index_answers_until_it_is_rebuilt(
    engines: Engines, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[tuple[str, str]] = []

    def open_other(engine: str, model: str) -> Embedder:
        asked.append((engine, model))
        return HashEmbedder()

    other = rebuilt(engines, HashEmbedder(48, "newer"), open_other=open_other)
    assert retrieval.search("sign session", other) == retrieval.search("sign session", engines)
    assert asked == [("test", "hash")]
    assert "lexical" not in caplog.text


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was searched for in the index, in order."""
    asked: list[str] = []
    look = retrieval._look

    def noting(engines: Engines, text: str, *rest: Any) -> Any:
        asked.append(text)
        return look(engines, text, *rest)

    monkeypatch.setattr(retrieval, "_look", noting)
    return asked


def test_an_answer_is_remembered_until_something_is_written(
    engines: Engines, root: Path, looks: list[str]
) -> None:
    engines.store.count_chunks(engines.store.manifests()[0].collection)  # so that it is open
    found(engines, "open it")
    first = [retrieval.find("sign", engines) for _ in range(3)]
    assert looks == ["open it", "sign"]
    assert first[0] == first[2]
    assert first[0] is first[2]
    (root / "src" / "signing.py").write_text("def sign(value):\n    return seal(value)\n")
    with Engines(HashEmbedder(), EdgeStore(engines.data_dir / "index"), engines.data_dir) as other:
        index_repository("project", root, other, IndexOptions())
    assert found(engines, "sign") >= {"src/signing.py", "src/session.py"}
    assert looks == ["open it", "sign", "sign"]
    (root / "src" / "signing.py").unlink()
    index_repository("project", root, engines, IndexOptions())
    assert "src/signing.py" not in found(engines, "sign")


def test_a_question_that_differs_is_another_one(tmp_path: Path, looks: list[str]) -> None:
    differences: list[dict[str, Any]] = [
        {},
        {"limit": 11},
        {"offset": 1},
        {"language": "python"},
        {"path_glob": "src/**"},
        {"kind": "function"},
        {"visible": lambda name: name == "b"},
        {"repo": "a"},
    ]
    with Engines(HashEmbedder(), EdgeStore(tmp_path / "index"), tmp_path) as engines:
        for name in ("a", "b"):
            (tmp_path / name / "src").mkdir(parents=True)
            (tmp_path / name / "src" / f"{name}.py").write_text("def sign():\n    return 1\n")
            index_repository(name, tmp_path / name, engines, IndexOptions())
        found(engines, "open it")
        first = [retrieval.find("sign", engines, **one) for one in differences]
        assert looks == ["open it", *["sign"] * len(differences)]
        again = [retrieval.find("sign", engines, **one) for one in differences]
        assert len(looks) == 1 + len(differences)
    assert again == first
    seen = [{hit.repo for hit in answer.hits} for answer in first]
    assert (seen[0], seen[-2], seen[-1]) == ({"a", "b"}, {"b"}, {"a"})


def test_an_answer_without_the_model_is_not_remembered(
    engines: Engines, looks: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    found(engines, "open it")
    gone = rebuilt(engines, Gone())
    for _ in range(2):
        found(gone, "sign")
    assert looks == ["open it", "sign", "sign"]
    assert caplog.text.count("lexical only") == 2, "it is said each time"


class Gone(HashEmbedder):
    """A model whose server does not answer."""

    def embed_query(self, text: str) -> FloatArray:
        raise ServiceUnavailableError("no model")


def test_the_order_in_which_files_were_indexed_does_not_matter(tmp_path: Path) -> None:
    """Many chunks score the same; a restored or sharded index holds them in another order."""
    names = [f"same_{number}.py" for number in range(6)]
    answers = []
    for number, order in enumerate((names, names[::-1])):
        root = tmp_path / str(number) / "project"
        root.mkdir(parents=True)
        data_dir = tmp_path / f"data-{number}"
        with Engines(HashEmbedder(), EdgeStore(data_dir / "index"), data_dir) as engines:
            for name in order:
                (root / name).write_text("def shared_value(argument):\n    return argument\n")
                index_repository("project", root, engines, IndexOptions())
            hits = retrieval.search("shared value of an argument", engines)
        answers.append([(hit.path, hit.score) for hit in hits])
    assert answers[0] == answers[1]


def test_a_question_that_is_misspelt_is_asked_again(engines: Engines) -> None:
    query, lists = retrieval.candidates("where is the sesison", engines)
    assert (query.text, query.first_said) == ("where is the session", "where is the sesison")
    assert lists.lexical[0].path == "src/session.py"
    assert retrieval.search("sesison", engines)[0].path == "src/session.py"
    assert retrieval.candidates("sign session", engines)[0].first_said == ""


_A_PRODUCT = """
import os, sys, {module}
print(*sys.modules)
import numpy
numpy.ones((300, 300)) @ numpy.ones((300, 300))
tasks = "/proc/self/task"
print(len(os.listdir(tasks)) if os.path.isdir(tasks) else "unknown here")
"""


def _modules_and_threads(module: str) -> tuple[set[str], str]:
    """What another process has loaded with a module, and its threads after a product of arrays."""
    done = subprocess.run(
        [sys.executable, "-c", _A_PRODUCT.format(module=module)],
        capture_output=True,
        text=True,
        check=True,
        # This process has imported Harness, and would hand its own settings down.
        env={name: value for name, value in os.environ.items() if name not in PRODUCT_THREADS},
    )
    modules, threads = done.stdout.splitlines()
    return set(modules.split()), threads


def test_a_search_loads_nothing_of_indexing_and_multiplies_in_one_thread() -> None:
    loaded, threads = _modules_and_threads("harness.search.retrieval")
    # More would spin while they wait for the next of a search's small products.
    assert threads in ("1", "unknown here")
    assert "harness.search.ranking" in loaded
    packages = {name for name in loaded if name.startswith("harness.")}
    assert not [
        name for name in packages if name.startswith(("harness.index", "harness.repository"))
    ]
    assert not [name for name in packages if name.startswith("harness.chunking")]
    assert not loaded & {"tree_sitter", "qdrant_client", "qdrant_edge", "onnxruntime", "prefect"}


def test_what_a_flow_loads_first_multiplies_in_one_thread() -> None:
    loaded, threads = _modules_and_threads("flows.summary")
    assert "numpy" in loaded
    assert threads in ("1", "unknown here")


def test_threads_that_somebody_has_chosen_for_products_stay() -> None:
    script = f"import os, harness; print(*(os.environ[name] for name in {PRODUCT_THREADS}))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | dict.fromkeys(PRODUCT_THREADS, "3"),
    )
    assert done.stdout.split() == ["3"] * len(PRODUCT_THREADS)
