"""A model on an Ollama server: what the chat model and the embedder have in common."""

from __future__ import annotations

from harness.models.conversation import ModelInfo
from harness.models.ollama.client import OllamaClient


class ServedModel:
    """A name on a server. Nothing is asked of the server before the first use.

    :param model: the name, with or without a tag.
    :param client: closed with this object.
    """

    def __init__(self, model: str, client: OllamaClient) -> None:
        self.model = model
        self._client = client
        self._info: ModelInfo | None = None

    def close(self) -> None:
        """Close the connections to the server."""
        self._client.close()

    def interrupt(self) -> None:
        """End the requests in progress, from another thread."""
        self._client.interrupt()

    def info(self) -> ModelInfo:
        """What the server says of the model; asked once.

        :raises ModelMissingError: the server does not have it.
        :raises ServiceUnavailableError: the server did not answer.
        """
        if self._info is None:
            self._info = self._client.show(self.model)
        return self._info
