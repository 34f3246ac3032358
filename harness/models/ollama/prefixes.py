"""What embedding models want before a passage and before a query, from their model cards."""

from __future__ import annotations

from dataclasses import dataclass

from harness.models.ollama.address import qualified_name

_SENTENCE = "Represent this sentence for searching relevant passages: "


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Texts put before passages and queries; empty means none."""

    document: str = ""
    query: str = ""


# The first entry that begins the model's name wins, so the longer names come first. A model that
# is not listed was trained without prefixes, or is unknown.
_BY_NAME: tuple[tuple[str, Prefixes], ...] = (
    ("nomic-embed-code", Prefixes(query="Represent this query for searching relevant code: ")),
    ("nomic-embed-text", Prefixes("search_document: ", "search_query: ")),
    ("mxbai-embed", Prefixes(query=_SENTENCE)),
    ("snowflake-arctic-embed2", Prefixes(query="query: ")),
    ("snowflake-arctic-embed-l-v2", Prefixes(query="query: ")),
    ("snowflake-arctic-embed-m-v2", Prefixes(query="query: ")),
    ("snowflake-arctic-embed", Prefixes(query=_SENTENCE)),
    ("bge-m3", Prefixes()),
    ("bge-", Prefixes(query=_SENTENCE)),
    ("e5-mistral", Prefixes(query="Instruct: Retrieve code that answers the question\nQuery: ")),
    ("multilingual-e5", Prefixes("passage: ", "query: ")),
    ("e5-", Prefixes("passage: ", "query: ")),
    ("embeddinggemma", Prefixes("title: none | text: ", "task: code retrieval | query: ")),
    (
        "qwen3-embedding",
        Prefixes(
            query="Instruct: Given a question about a code base, retrieve passages that answer it"
            "\nQuery:"
        ),
    ),
)


def prefixes_of(model: str) -> Prefixes:
    """Look up a model; namespace, registry, tag and case do not matter.

    :param model: name as Ollama knows it, e.g. ``nomic-embed-text:v1.5``.
    """
    name = qualified_name(model).rpartition("/")[2].partition(":")[0].casefold()
    return next((found for start, found in _BY_NAME if name.startswith(start)), Prefixes())
