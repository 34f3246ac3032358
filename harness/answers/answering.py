"""Answering a question: by the agent when a chat model is configured, else by passages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from harness.answers.passages import Envelope, answer_with_passages
from harness.configured import index_search, open_assistant, results_folder
from harness.engines import Engines
from harness.environment import environment_secrets
from harness.search.retrieval import search
from harness.store.catalog import in_scope

if TYPE_CHECKING:
    from harness.agent import AgentResult
    from harness.agent.events import OnEvent
    from harness.models.protocols import ChatModel
    from harness.types import RepositoryRecord

_DEMO_PASSAGES = 2
_DEMO_CHARS = 1500


def choose_repository(question: str, engines: Engines, repo: str | None) -> RepositoryRecord:
    """The repository that a question is about: the one named, or that of the best passage.

    :raises UsageError: the question is empty or nothing is indexed.
    :raises RepositoryNotFoundError: ``repo`` is not indexed.
    """
    records = in_scope(engines.store, repo)
    if len(records) == 1:
        return records[0]
    hits = search(question, engines, repo=repo, limit=1)
    name = hits[0].repo if hits else records[0].name
    return next(record for record in records if record.name == name)


def answer_with_agent(
    question: str,
    engines: Engines,
    *,
    repo: str | None = None,
    model: str | None = None,
    on_event: OnEvent | None = None,
) -> AgentResult:
    """Let the agent read the repository and answer with checked citations.

    :raises ModelMissingError: no chat model is configured.
    :raises UsageError: as :func:`choose_repository`.
    """
    from harness.agent import ask

    record = choose_repository(question, engines, repo)
    with open_assistant(model) as assistant, index_search(record.name) as semantic:
        return ask(
            question,
            Path(record.path),
            assistant.model,
            search=semantic,
            limits=assistant.limits,
            on_event=on_event,
            results_dir=results_folder("ask"),
            options=assistant.options,
        )


def answer_with_demo(
    question: str,
    engines: Engines,
    *,
    repo: str | None = None,
    limit: int = 5,
    model: ChatModel | None = None,
    on_token: Callable[[str], None] | None = None,
) -> Envelope:
    """Passages, and below them what the demo model makes of the best ones, labelled as such.

    The citations are those of the passages and of the model's text, each checked.

    :param model: None takes the demo model of the extra ``chat``.
    """
    from dataclasses import replace

    from harness.agent.citations import check_citations
    from harness.answers.passages import Citation
    from harness.models.demo_chat import DemoChatModel
    from harness.repository.credentials import redact
    from harness.types import ChatMessage
    from harness.workspace import ConfinedTree

    envelope = answer_with_passages(question, engines, repo=repo, limit=limit)
    if not envelope.citations:
        return envelope
    record = choose_repository(question, engines, repo or envelope.citations[0].repo)
    passages = envelope.answer.split("\n\n")[:_DEMO_PASSAGES]
    chat = model or DemoChatModel(max_output_tokens=96)
    turn = chat.chat(
        [
            ChatMessage(
                "system", "Answer in two sentences from the passages; name the path:line used."
            ),
            ChatMessage("user", "\n\n".join(passages)[:_DEMO_CHARS] + f"\n\nQuestion: {question}"),
        ],
        on_token=on_token,
    )
    text, found = check_citations(
        redact(turn.content.strip(), environment_secrets(), suspected=True),
        ConfinedTree(Path(record.path)),
    )
    own = tuple(Citation(c.path, c.start_line, c.end_line, c.verified, record.name) for c in found)
    label = f"[demo model {chat.model}: shows the plumbing, often wrong]"
    return replace(
        envelope,
        answer=f"{envelope.answer}\n\n{label}\n{text}",
        citations=(*envelope.citations, *own),
        usage={
            "prompt_tokens": turn.prompt_tokens,
            "completion_tokens": turn.completion_tokens,
        },
        model=chat.model,
        protocol="passages+demo",
        num_ctx=chat.num_ctx,
        steps=1,
    )
