"""Quality of the search on another kind of label: a description of a function, to that function.

Run ``python -m benchmarks.functions``. The labels are made from the code itself: the first
sentence of a docstring or doc comment is the query, its function or class is the answer, and all
documentation is removed from the sources before they are indexed. None of these code bases is
among those of :mod:`benchmarks.retrieval`. Prints NDCG@10 over files, and the mean reciprocal
rank of the first passage that overlaps the definition.
"""

from __future__ import annotations

import ast
import random
import re
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.corpora import HERE, Corpus, fetch, read_corpora
from harness.configured import open_embedder
from harness.engines import Engines
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.search import retrieval
from harness.search.evaluation import DEPTH, ndcg_at_10
from harness.settings import OllamaSettings, load
from harness.store.edge import EdgeStore

QUERIES = 40
"""Per code base, drawn at random but the same each time."""

_NOT_ASKED = re.compile(r"(^|/)(tests?|examples?|docs?)/|(^|/)test_")
_JS_DEFINITION = re.compile(
    r"\s*(?:export )?(?:default )?(?:async )?function\*?\s*\w+"
    r"|\s*(?:static |async )*\w+\s?\([^)]*\)\s?\{"
    r"|\s*(?:const |module\.exports\.|exports\.)?[\w.]+ = (?:async )?(?:function|\()"
)


@dataclass(frozen=True, slots=True)
class Described:
    """A definition at lines ``start..end`` and the sentence that described it."""

    query: str
    path: str
    start: int
    end: int


def sentence(documentation: str) -> str | None:
    """The first sentence, if it is one that a person might ask with."""
    text = " ".join(documentation.split())
    text = re.split(r"(?<=[.!?])\s|\s@\w+|:param|```", text)[0].strip()
    return text if 4 <= len(text.split()) <= 30 and text.isascii() else None


def strip_python(path: str, text: str) -> tuple[str, list[Described]]:
    """The source without docstrings, its lines where they were, and what they described."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return text, []
    lines, described = text.split("\n"), []
    for node in ast.walk(tree):
        if not isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module
        ) or not (documentation := ast.get_docstring(node)):
            continue
        first = node.body[0]
        end = first.end_lineno or first.lineno
        lines[first.lineno - 1 : end] = [""] * (end - first.lineno + 1)
        if isinstance(node, ast.Module):
            continue
        if len(node.body) == 1:
            lines[first.lineno - 1] = " " * first.col_offset + "..."
        if query := sentence(documentation):
            described.append(Described(query, path, node.lineno, node.end_lineno or node.lineno))
    return "\n".join(lines), described


def strip_javascript(path: str, text: str) -> tuple[str, list[Described]]:
    """The same for ``/** … */`` comments before functions, methods and assigned functions."""
    lines, described = text.split("\n"), []
    at = 0
    while at < len(lines):
        if not lines[at].strip().startswith("/**"):
            at += 1
            continue
        end = next((n for n in range(at, len(lines)) if "*/" in lines[n]), at)
        if end + 1 < len(lines) and _JS_DEFINITION.match(lines[end + 1]):
            body = [re.sub(r"^[/*\s]+|\*/", "", line).strip() for line in lines[at : end + 1]]
            paragraph = " ".join(body).strip()
            if query := sentence(paragraph):
                described.append(Described(query, path, end + 2, _block_end(lines, end + 1)))
            lines[at : end + 1] = [""] * (end + 1 - at)
        at = end + 1
    return "\n".join(lines), described


def _block_end(lines: list[str], start: int) -> int:
    """1-based line that closes the block opened at index ``start``, by indentation."""
    closing = re.match(r"\s*", lines[start]).group() + "}"  # type: ignore[union-attr]
    for at in range(start, min(start + 200, len(lines))):
        if lines[at].startswith(closing):
            return at + 1
    return start + 1


def strip_sources(corpus: Corpus, source: Path, into: Path) -> list[Described]:
    """Write the sources without documentation to ``into``; draw the queries."""
    described: list[Described] = []
    for file, text in _sources(source / corpus.root):
        path = file.relative_to(source).as_posix()
        strip = strip_python if file.suffix == ".py" else strip_javascript
        stripped, found = strip(path, text)
        target = into / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(stripped, encoding="utf-8")
        if not _NOT_ASKED.search(path):
            described += found
    # A sentence that describes several definitions has no one answer.
    times = Counter(one.query for one in described)
    unique = [one for one in described if times[one.query] == 1]
    random.Random(1).shuffle(unique)  # the same queries each time
    return unique[:QUERIES]


def _sources(folder: Path) -> Iterator[tuple[Path, str]]:
    for file in sorted(folder.rglob("*")):
        # Large files are generated ones here.
        if file.suffix in (".py", ".js") and file.stat().st_size < 200_000:
            yield file, file.read_text(encoding="utf-8")


def main() -> int:
    """Print the table."""
    embedder = open_embedder(load(OllamaSettings))
    print(f"{'code base':<12}{'queries':>8}{'file NDCG@10':>14}{'function MRR@10':>17}")
    rows: list[tuple[float, float]] = []
    for corpus in read_corpora(HERE / "data" / "functions.json"):
        source = fetch(corpus)
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "source"
            described = strip_sources(corpus, source, root)
            data_dir = Path(folder) / "data"
            data_dir.mkdir()
            with Engines(embedder, EdgeStore(data_dir / "index", 60.0), data_dir) as engines:
                index_repository(corpus.name, root, engines, IndexOptions())
                scores = [_ask(one, engines) for one in described]
        files, functions = (statistics.fmean(values) for values in zip(*scores, strict=True))
        rows.append((files, functions))
        print(f"{corpus.name:<12}{len(scores):>8}{files:>14.3f}{functions:>17.3f}", flush=True)
    files, functions = (statistics.fmean(values) for values in zip(*rows, strict=True))
    print(f"{'mean':<12}{'':>8}{files:>14.3f}{functions:>17.3f}")
    return 0


def _ask(one: Described, engines: Engines) -> tuple[float, float]:
    hits = retrieval.search(one.query, engines, limit=DEPTH)
    reciprocal = 0.0
    for rank, hit in enumerate(hits, start=1):
        if hit.path == one.path and hit.start_line <= one.end and hit.end_line >= one.start:
            reciprocal = 1 / rank
            break
    return ndcg_at_10([hit.path for hit in hits], [one.path]), reciprocal


if __name__ == "__main__":
    sys.exit(main())
