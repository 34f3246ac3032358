"""Answering a question with a model's words: the agent's, or those of the demo model."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.agent.envelope import Citation, Envelope, Usage
from harness.agent.status import status_of
from harness.answers.assistant import Assistant
from harness.answers.indexed_files import readable_files
from harness.answers.passages import answer_with_passages
from harness.engines import Engines
from harness.errors import HarnessError
from harness.search.retrieval import search
from harness.store.catalog import Visible, in_scope_at
from harness.text import encodable

if TYPE_CHECKING:
    from harness.agent.events import OnEvent
    from harness.models.protocols import ChatModel
    from harness.types import Hit, RepositoryRecord

_DEMO_PASSAGES = 2
_DEMO_CHARS = 1500
_DEMO_PROMPT = "Answer in two sentences from the passages; name the path:line used."


def choose_repository(
    question: str,
    engines: Engines,
    repo: str | None,
    language: str | None = None,
    path_glob: str | None = None,
    visible: Visible | None = None,
) -> RepositoryRecord:
    """Return the repository that a question is about: the one named, or that of the best passage.

    :raises UsageError: the question is empty, nothing is indexed, or a filter matches nothing.
    :raises RepositoryNotFoundError: ``repo`` is not indexed.
    """
    records = in_scope_at(engines.store, repo, visible)
    if len(records) == 1:
        return records[0]
    hits = search(
        question,
        engines,
        repo=repo,
        language=language,
        path_glob=path_glob,
        limit=1,
        visible=visible,
    )
    name = hits[0].repo if hits else records[0].name
    return next(record for record in records if record.name == name)


def answer_with_agent(
    question: str,
    engines: Engines,
    assistant: Assistant,
    *,
    repo: str | None = None,
    language: str | None = None,
    path_glob: str | None = None,
    visible: Visible | None = None,
    on_event: OnEvent | None = None,
) -> Envelope:
    """Let the agent read the repository and answer with checked citations. The filters hold for
    its searches of the index, and it reads one repository only, which is ``visible``. Where the
    repository's folder is not here, the agent reads the files that the index has.

    :raises UsageError: as :func:`choose_repository`.
    """
    from harness.agent.questions import ask

    record = choose_repository(question, engines, repo, language, path_glob, visible)

    def semantic(query: str, limit: int) -> Sequence[Hit]:
        return search(
            query,
            engines,
            repo=record.name,
            language=language,
            path_glob=path_glob,
            limit=limit,
        )

    with readable_files(record, engines) as root:
        return ask(
            question,
            root,
            assistant.model,
            search=semantic,
            repo=record.name,
            limits=assistant.limits,
            on_event=on_event,
            results_dir=assistant.results_dir,
            options=assistant.options,
        )


def beside_passages(found: Envelope, answer: Callable[[], Envelope]) -> Envelope:
    """Have a model answer beside passages that were found before; whatever becomes of the model,
    the passages stay.

    :param found: the passages.
    :param answer: asks the model.
    :returns: the model's answer with these passages, or with its error.
    """
    try:
        answered = answer()
    except HarnessError as error:
        return replace(found, status=status_of(error), error=str(error))
    citations = answered.citations if answered.answer else (*found.citations, *answered.citations)
    return replace(answered, passages=found.passages, citations=citations)


def answer_with_demo(
    question: str,
    engines: Engines,
    model: ChatModel,
    *,
    repo: str | None = None,
    limit: int = 5,
    secrets: Iterable[str] = (),
    found: Envelope | None = None,
) -> Envelope:
    """Return passages, and what a model too weak for tools makes of the best ones, labelled.

    The citations are those of the passages and of the model's text, each checked.

    :param secrets: values that must not be shown, whatever the model says.
    :param found: the passages, when they were looked up before.
    :raises UsageError: the question is empty or nothing is indexed.
    :raises RepositoryNotFoundError: ``repo`` is not indexed.
    """
    from harness.models.conversation import ChatMessage
    from harness.repository.credentials import redact

    began = time.monotonic()
    question = encodable(question)
    envelope = found or answer_with_passages(question, engines, repo=repo, limit=limit)
    if not envelope.passages:
        return envelope
    record = choose_repository(question, engines, repo or envelope.citations[0].repo)
    shown = "\n\n".join(passage.text for passage in envelope.passages[:_DEMO_PASSAGES])
    turn = model.chat(
        [
            ChatMessage("system", _DEMO_PROMPT),
            ChatMessage("user", f"{shown[:_DEMO_CHARS]}\n\nQuestion: {question}"),
        ],
    )
    text = redact(turn.content.strip(), secrets, suspected=True)
    paths = sorted({citation.path for citation in envelope.citations})
    text, cited = _checked(text, record, engines, paths)
    return replace(
        envelope,
        answer=f"[demo model {model.model}: shows the plumbing, often wrong]\n{text}",
        citations=(*envelope.citations, *cited),
        usage=Usage(turn.prompt_tokens, turn.completion_tokens, model_calls=1),
        model=model.model,
        protocol="passages+demo",
        num_ctx=model.num_ctx,
        steps=1,
        duration_seconds=round(time.monotonic() - began, 3),
    )


def _checked(
    text: str, record: RepositoryRecord, engines: Engines, paths: Sequence[str]
) -> tuple[str, tuple[Citation, ...]]:
    """The model's text with its citations checked.

    :param paths: the files that the model was shown.
    """
    from harness.agent.citations import check_citations
    from harness.workspace.paths import ConfinedTree

    with readable_files(record, engines, paths) as root:
        return check_citations(text, ConfinedTree(root), record.name)
