"""How many questions are answered right, with a citation that bears the answer out.

``python -m benchmarks.agent_questions [--only ID…] [--runs N] [--host HOST] …``

Forty questions about five small packages (``data/agent/questions.json``), of which a few ask for
what is not there. Each package is indexed as ``harness index`` does, and asked as ``harness ask``
does. An answer is right when it has the required words, and a verified citation of the lines that
say so; where nothing is there, when it says so. A run that ends with ``ok`` and is not right is a
false ok.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.agent_measures import Measures, measured, overrun_seconds, sampled
from benchmarks.corpora import HERE, Corpus, fetch
from harness.agent import Envelope, Limits, RunOptions
from harness.answers.answering import answer_with_agent
from harness.answers.assistant import Assistant
from harness.configured import open_embedder
from harness.engines import Engines
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.models.ollama.chat import OllamaChatModel
from harness.models.ollama.options import OllamaOptions
from harness.settings import OllamaSettings, load
from harness.store.edge import EdgeStore

DATA = HERE / "data" / "agent" / "questions.json"


@dataclass(frozen=True, slots=True)
class Row:
    """One answer. ``worded``: it has the required words; ``cited``: a verified citation of the
    right lines, or none was wanted."""

    id: str
    worded: bool
    cited: bool
    ok: bool
    seconds: float
    overrun: float
    prompt_tokens: int
    completion_tokens: int
    measures: Measures
    detail: str
    answer: str

    @property
    def is_right(self) -> bool:
        """Whether the answer counts."""
        return self.ok and self.worded and self.cited


def check_places(question: Mapping[str, Any], source: Path) -> None:
    """Prove that the lines of a question hold what they are said to.

    :raises SystemExit: they do not.
    """
    for place in question["places"]:
        lines = (source / place["path"]).read_text(encoding="utf-8").split("\n")
        if place["holds"] not in "\n".join(lines[place["start"] - 1 : place["end"]]):
            raise SystemExit(f"{question['id']}: {place['path']} does not hold {place['holds']!r}")


def judged(question: Mapping[str, Any], answer: Envelope) -> tuple[bool, bool]:
    """Return whether an answer has the required words, and a citation of the right lines."""
    worded = all(re.search(word, answer.answer, re.IGNORECASE) for word in question["words"])
    wanted = question["places"]
    cited = not wanted or any(
        citation.verified
        and citation.path == place["path"]
        and citation.start_line <= place["end"]
        and citation.end_line >= place["start"]
        for citation in answer.citations
        for place in wanted
    )
    return worded, cited


def ask_one(
    question: Mapping[str, Any], engines: Engines, options: argparse.Namespace, folder: Path
) -> Row:
    """Ask one question."""
    model = OllamaChatModel(
        OllamaOptions(
            options.host,
            chat_model=options.model,
            num_ctx=options.num_ctx,
            timeout_seconds=options.seconds,
        )
    )
    limits = Limits(wall_seconds=options.seconds)
    with (
        measured(options.host, folder) as measures,
        Assistant(model, limits, RunOptions(), folder) as assistant,
    ):
        answer = answer_with_agent(
            question["question"], engines, assistant, repo=question["corpus"]
        )
    worded, cited = judged(question, answer)
    return Row(
        question["id"],
        worded,
        cited,
        answer.exit_code == 0,
        round(answer.duration_seconds, 1),
        overrun_seconds(answer.duration_seconds, options.seconds),
        answer.usage.prompt_tokens,
        answer.usage.completion_tokens,
        measures(),
        f"{answer.status}, {answer.steps} steps",
        answer.answer,
    )


def table(rows: Sequence[Row]) -> str:
    """The numbers of all answers, as Markdown."""
    total = max(1, len(rows))
    read = sum(row.measures.prompt_tokens for row in rows)
    again = sum(row.measures.again_tokens for row in rows)
    cells = (
        f"{sum(row.is_right for row in rows)} of {len(rows)}",
        str(sum(row.worded for row in rows)),
        str(sum(row.cited and row.ok for row in rows)),
        str(sum(row.ok and not row.is_right for row in rows)),
        f"{sum(row.measures.first_turn_lost for row in rows)} of {len(rows)}",
        f"{max((row.overrun for row in rows), default=0.0):.1f} s",
        f"{again / read:.0%}" if read else "-",
        f"{sum(row.prompt_tokens + row.completion_tokens for row in rows) // total:,}",
        f"{statistics.fmean([row.seconds for row in rows] or [0.0]):.0f}",
    )
    return (
        "| right, with the right lines | has the words | cites the lines | ok and not right | "
        "first turn lost | overrun | read again | tokens | seconds |\n"
        f"|{'---|' * len(cells)}\n| " + " | ".join(cells) + " |"
    )


def main() -> None:
    """Ask the questions and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="*", default=[], metavar="ID")
    parser.add_argument("--sample", type=int, metavar="N",
                        help="N of the questions, by the hash of their ids")  # fmt: skip
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--host", default=os.environ.get("OLLAMA_HOST", "127.0.0.1:11500"))
    parser.add_argument("--model", default="qwen2.5-coder:1.5b")
    parser.add_argument("--num-ctx", type=int, default=8192)
    parser.add_argument("--seconds", type=float, default=300.0, help="time limit of an answer")
    parser.add_argument("--out", type=Path, default=HERE / ".cache" / "agent-questions")
    options = parser.parse_args()
    data = json.loads(DATA.read_text(encoding="utf-8"))
    wanted = [one for one in data["questions"] if not options.only or one["id"] in options.only]
    if options.sample is not None:
        wanted = sampled(wanted, options.sample)
    stamp = time.strftime("%H%M%S")
    rows: list[Row] = []
    # The server of the trials has no embeddings.
    embedder = open_embedder(load(OllamaSettings).model_copy(update={"host": None}))
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="questions-")))
        opened: dict[str, Engines] = {}
        for name in dict.fromkeys(question["corpus"] for question in wanted):
            corpus = Corpus(name=name, **data["corpora"][name])
            source = fetch(corpus)
            for question in wanted:
                if question["corpus"] == name:
                    check_places(question, source)
            folder = scratch / name
            folder.mkdir()
            store = EdgeStore(folder / "index", 60.0)
            opened[name] = stack.enter_context(Engines(embedder, store, folder))
            include = IndexOptions(include=(f"/{corpus.root}/**",))
            index_repository(name, source, opened[name], include)
        for number in range(options.runs):
            for question in wanted:
                folder = options.out / f"{stamp}-{number}" / question["id"]
                folder.mkdir(parents=True, exist_ok=True)
                row = ask_one(question, opened[question["corpus"]], options, folder)
                rows.append(row)
                mark = "right" if row.is_right else "-"
                print(f"{row.id:18} {mark:6} {row.seconds:6.1f} s  {row.detail}", flush=True)
                listed = [asdict(row) for row in rows]
                (options.out / f"{stamp}.json").write_text(json.dumps(listed, indent=1))
    print(f"\n{options.model}, limit {options.seconds:g} s, {options.runs} run(s)\n")
    print(table(rows))


if __name__ == "__main__":
    main()
