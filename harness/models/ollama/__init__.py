"""Ollama as an engine: embeddings and chat over the official client.

``address`` reads ``OLLAMA_HOST``, ``failures`` maps what can go wrong onto the exception tree,
``backoff`` bounds the attempts, ``client`` holds the one connection, ``prefixes`` knows what
models want before a text, ``embedder`` and ``chat`` implement the Protocols of
:mod:`harness.types`.
"""

from harness.models.ollama.address import parse_host, qualified_name, same_model
from harness.models.ollama.backoff import Backoff
from harness.models.ollama.chat import OllamaChatModel
from harness.models.ollama.client import OllamaClient
from harness.models.ollama.embedder import OllamaEmbedder

__all__ = [
    "Backoff",
    "OllamaChatModel",
    "OllamaClient",
    "OllamaEmbedder",
    "parse_host",
    "qualified_name",
    "same_model",
]
