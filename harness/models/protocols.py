"""What indexing, search and the agent need of a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from harness.models.conversation import ChatMessage, ChatTurn, ModelInfo, Sampling, ToolSpec
from harness.types import FloatArray

if TYPE_CHECKING:
    from harness.models.term_counts import TermCounts


class Embedder(Protocol):
    """Turns texts into dense vectors."""

    engine: str
    model: str
    document_prefix: str
    query_prefix: str

    @property
    def max_tokens(self) -> int:
        """Tokens of one text that the model reads; 0: all of them."""

    @property
    def digest(self) -> str:
        """Identity of the weights; changes when the model does."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    def embed_documents(self, texts: Sequence[str]) -> FloatArray:
        """Embed passages: ``(n, dim)`` float32, L2-normalised, in the order given.

        :raises ServiceUnavailableError: a model server failed after bounded attempts.
        :raises ModelMissingError: the model is not installed, or not on the server.
        :raises ModelMismatchError: wrong count, dimension, or values that are not finite.
        """

    def embed_query(self, text: str) -> FloatArray:
        """Embed one query: ``(dim,)`` float32, L2-normalised. Raises as
        :meth:`embed_documents`."""

    def count_tokens(self, text: str) -> int | None:
        """Exact number of tokens of a text, special tokens included, before any cut; None when
        the tokenizer is out of reach, for every text alike: sizes are then estimated."""

    def by_words(self) -> WordEmbedder | None:
        """The same model for passages whose words are counted; None when it reads more of a text
        than that, which is then the work of :meth:`embed_documents`."""

    def close(self) -> None:
        """Release connections and threads; the embedder cannot be used afterwards."""


class WordEmbedder(Protocol):
    """An embedding model that reads of a passage which words it has and how often. BM25 counts
    them, too, so that it works best where a text is read: it can be pickled, for other
    processes."""

    def embed_counted(self, counts: TermCounts) -> FloatArray:
        """Embed passages: bit for bit what :meth:`Embedder.embed_documents` makes of them,
        ``(n, dim)``.

        :param counts: their terms.
        :raises ModelMissingError: the model is not installed.
        :raises ModelMismatchError: it is another one than in the process that it comes from.
        """


class ChatModel(Protocol):
    """A chat model with a constant context window of ``num_ctx`` tokens."""

    model: str

    @property
    def num_ctx(self) -> int:
        """Tokens of the window, the same in every request."""

    def info(self) -> ModelInfo:
        """What the server says of the model.

        :raises ModelMissingError: the server does not have it.
        :raises ServiceUnavailableError: the server did not answer.
        """

    def chat(
        self,
        messages: Sequence[ChatMessage],
        tools: Sequence[ToolSpec] = (),
        on_token: Callable[[str], None] | None = None,
        sampling: Sampling | None = None,
    ) -> ChatTurn:
        """Run one turn, streaming content to ``on_token``.

        :param sampling: None takes the model's usual way, which suits copying and editing.
        :raises ServiceUnavailableError: connection, 429, 503, a broken stream, or
            :meth:`interrupt`.
        :raises ServiceTimeoutError: the server was silent for too long.
        :raises ModelMissingError: the server does not have the model.
        """

    def interrupt(self) -> None:
        """End the turn in progress, if there is one; called from another thread."""

    def close(self) -> None:
        """Release connections; the model cannot be used afterwards."""
