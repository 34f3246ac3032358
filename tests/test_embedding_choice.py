"""Which model embeds: what the environment names, and what made an index."""

from __future__ import annotations

import pytest

from harness import configured
from harness.errors import ModelMissingError
from harness.models.minilm import embedder as minilm
from harness.models.static import embedder as static


@pytest.mark.parametrize(
    ("host", "name", "engine", "model"),
    [
        pytest.param("", "", "embedded", static.MODEL, id="nothing is set"),
        pytest.param("", "nomic-embed-text", "embedded", static.MODEL, id="a name without a host"),
        pytest.param("localhost:1", "", "ollama", "nomic-embed-text", id="a host"),
        pytest.param("localhost:1", "all-minilm", "ollama", "all-minilm", id="a host and a name"),
        pytest.param("localhost:1", "Static", "embedded", static.MODEL, id="ours beside a host"),
    ],
)
def test_the_environment_chooses(
    host: str, name: str, engine: str, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", host)
    monkeypatch.setenv("EMBED_MODEL", name)
    embedder = configured.open_embedder()
    assert (embedder.engine, embedder.model) == (engine, model)
    embedder.close()


def test_names_in_manifests_are_those_of_the_models() -> None:
    assert static.MODEL.lower() == configured.STATIC_MODEL
    assert minilm.MODEL.lower() == configured.MINILM_MODEL


def test_the_transformer_is_chosen_by_name_and_needs_its_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EMBED_MODEL", "minilm")
    monkeypatch.setattr(minilm, "find_spec", lambda name: None)
    with pytest.raises(ModelMissingError, match=r"\[minilm\]"):
        configured.open_embedder()
    # An index that it made is then searched by words alone.
    assert configured.open_other_embedder("embedded", minilm.MODEL) is None


def test_an_index_of_another_model_in_the_process_is_searched_with_that_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(minilm, "require", lambda: None)
    for model in (static.MODEL, minilm.MODEL):
        embedder = configured.open_other_embedder("embedded", model)
        assert embedder is not None and embedder.model == model
    assert configured.open_other_embedder("embedded", "something-else") is None
