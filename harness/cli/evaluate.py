"""``harness eval``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import console
from harness.cli.options import AsJson


def evaluate(
    labels: Annotated[
        Path, typer.Argument(help="JSON list of {query, relevant, secondary, category}.")
    ],
    repo: Annotated[str, typer.Option(help="The indexed repository that they are about.")],
    root: Annotated[
        str, typer.Option(help="What the labels' paths start with, when the index is of a folder.")
    ] = "",
    show: Annotated[int, typer.Option(help="How many of the worst queries to print.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Measure the quality of search on labelled queries: NDCG@10 over files."""
    from harness.configured import open_engines
    from harness.search import retrieval
    from harness.search.evaluation import DEPTH, ndcg_at_10, read_labels

    queries = read_labels(labels)
    prefix = f"{root.strip('/')}/" if root else ""
    rows: list[tuple[float, str]] = []
    with open_engines() as engines:
        for labelled in queries:
            hits = retrieval.search(labelled.query, engines, repo=repo, limit=DEPTH)
            ranked = [prefix + hit.path for hit in hits]
            rows.append((ndcg_at_10(ranked, labelled.targets), labelled.query))
    mean = sum(score for score, _ in rows) / len(rows) if rows else 0.0
    if as_json:
        console.print_json(
            {
                "repo": repo,
                "queries": len(rows),
                "ndcg_at_10": round(mean, 4),
                "results": [{"query": query, "ndcg_at_10": round(s, 4)} for s, query in rows],
            }
        )
        return
    print(f"{console.printable_name(repo)}: NDCG@10 {mean:.3f} over {len(rows)} queries")
    for score, query in sorted(rows)[:show]:
        print(f"  {score:.2f}  {console.printable_name(query)}")
