"""Ollama as an engine: embeddings and chat over the official client.

``address`` reads ``OLLAMA_HOST``, ``failures`` maps what can go wrong onto the exception tree,
``backoff`` bounds the attempts, ``client`` holds the one connection, ``prefixes`` knows what
models want before a text, ``embedder`` and ``chat`` implement the Protocols of
:mod:`harness.types`.
"""

from harness.ollama.address import parse_host, qualified_name, same_model
from harness.ollama.backoff import Backoff
from harness.ollama.chat import OllamaChatModel
from harness.ollama.client import OllamaClient
from harness.ollama.embedder import OllamaEmbedder

__all__ = [
    "Backoff",
    "OllamaChatModel",
    "OllamaClient",
    "OllamaEmbedder",
    "parse_host",
    "qualified_name",
    "same_model",
]
