"""Quality of the search, measured on labelled queries.

A label names the files that answer a query. The measure is NDCG@10 over files, as in the code
search benchmark of MinishLab/semble, so that results can be compared with the published ones.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageError
from harness.home import from_home

DEPTH = 10
"""How many passages of an answer count."""


@dataclass(frozen=True, slots=True)
class LabelledQuery:
    """A query and the paths that answer it; ``category`` is free text, for tables."""

    query: str
    targets: tuple[str, ...]
    category: str = ""


def ndcg_at_10(ranked: Iterable[str], targets: Collection[str]) -> float:
    """Normalised discounted cumulative gain at depth 10, between 0 and 1 (1 without targets).

    Each target has gain 1, discounted by ``log2(1 + rank)`` of the first passage of its file
    (Järvelin and Kekäläinen 2002); repeated passages of a file use up ranks but gain nothing.

    :param ranked: paths of the passages, best first, repeats included.
    :param targets: paths that answer the query; repeats count once.
    """
    wanted = set(targets)
    if not wanted:
        return 1.0
    gain = 0.0
    found: set[str] = set()
    for rank, path in enumerate(ranked, start=1):
        if rank > DEPTH:
            break
        if path in wanted and path not in found:
            found.add(path)
            gain += 1.0 / math.log2(1 + rank)
    ideal = sum(1.0 / math.log2(1 + rank) for rank in range(1, min(DEPTH, len(wanted)) + 1))
    return gain / ideal


def read_labels(file: Path) -> list[LabelledQuery]:
    """Read a JSON list of ``{query, relevant, secondary, category}``.

    A target is a path or an object with a ``path``; relevant and secondary ones count alike.

    :param file: the JSON file.
    :raises UsageError: the file cannot be read or has another form.
    """
    file = from_home(file)
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
        return [
            LabelledQuery(
                query=str(entry["query"]),
                targets=tuple(
                    dict.fromkeys(
                        target if isinstance(target, str) else str(target["path"])
                        for target in [*entry["relevant"], *entry.get("secondary", [])]
                    )
                ),
                category=str(entry.get("category", "")),
            )
            for entry in entries
        ]
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{file} is not a list of labelled queries ({error!r}): "
            "each needs `query` and `relevant`, see benchmarks/README.md."
        ) from error
