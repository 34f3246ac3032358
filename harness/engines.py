"""The embedder and the store that indexing and searching work with, as one thing to pass on.

:mod:`harness.configured` opens them as the settings say; tests put their own together.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from harness.errors import HarnessError, ServiceUnavailableError, StoreFullError
from harness.models.protocols import Embedder
from harness.store.protocol import VectorStore

logger = logging.getLogger(__name__)

OpenEmbedder = Callable[[str, str], Embedder | None]
"""Opens the embedder of an engine and a model, as a manifest names them; None when it cannot be
had here. Raises HarnessError for a setting that cannot be used."""


def _no_other(engine: str, model: str) -> Embedder | None:
    return None


@dataclass(frozen=True, slots=True)
class Engines:
    """What indexing and searching need; a context manager that closes all of it.

    ``open_other`` opens the embedders of collections that another model made.
    """

    embedder: Embedder
    store: VectorStore
    data_dir: Path
    open_other: OpenEmbedder = _no_other
    _others: dict[tuple[str, str], Embedder | None] = field(
        default_factory=dict, repr=False, compare=False
    )

    def __enter__(self) -> Engines:
        return self

    def __exit__(self, *error: object) -> None:
        self.store.close()
        for embedder in (self.embedder, *self._others.values()):
            if embedder is not None:
                embedder.close()

    def embedder_named(self, engine: str, model: str) -> Embedder | None:
        """The embedder that made an index, when it can be had here, else None; kept, since
        loading a model takes longer than a query.

        :param engine: as in an index's manifest.
        :raises HarnessError: a setting cannot be used.
        """
        if (engine, model) not in self._others:
            self._others[engine, model] = self.open_other(engine, model)
        return self._others[engine, model]

    def ends_the_run(self, error: BaseException) -> bool:
        """Tell whether every other batch would fail like one that ended with this error, each
        after it was embedded or half a minute of attempts.

        A text that breaks the model gives the same class as a server that is gone, so both servers
        are asked once more.
        """
        if isinstance(error, StoreFullError):
            return True
        if not isinstance(error, ServiceUnavailableError):
            return False
        probes: dict[str, Callable[[], object]] = {
            "model": partial(self.embedder.embed_query, "probe"),
            "index": self.store.repositories,
        }
        for asked, probe in probes.items():
            try:
                probe()
            except ServiceUnavailableError:
                logger.error("the %s does not answer: what is left waits for the next run", asked)
                return True
            except HarnessError as other:
                logger.info("the %s answers a probe with: %s", asked, other)
        return False
