"""What a service answers, read as the types that the command line knows, and its refusals as errors
of the tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

import httpx

from harness.agent.envelope import Citation, Envelope, Passage, Usage
from harness.agent.status import Status
from harness.errors import (
    CredentialError,
    HarnessError,
    ModelMissingError,
    PermanentError,
    PolicyError,
    RepositoryNotFoundError,
    ServiceUnavailableError,
    UsageError,
)

_MAX_ERROR_CHARS = 500

T = TypeVar("T")


class AnswerReader:
    """Reads the answers of one service.

    :param url: its address, for what is said of it.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def one(self, kind: type[T], entry: Mapping[str, Any]) -> T:
        """An entry as a dataclass; a newer service may tell more.

        :raises UsageError: it is not one.
        """
        names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
        try:
            values = {
                name: tuple(value) if isinstance(value, list) else value
                for name, value in entry.items()
                if name in names
            }
            return kind(**values)
        except (TypeError, AttributeError):
            raise self.other_server() from None

    def envelope(self, document: Mapping[str, Any]) -> Envelope:
        """The result of a question. Raises as :meth:`one`."""
        try:
            known = {field.name for field in fields(Envelope)}
            values = {name: value for name, value in document.items() if name in known}
            return Envelope(
                **values
                | {
                    "status": Status(document["status"]),
                    "passages": tuple(
                        Passage(self.one(Citation, one["citation"]), str(one["text"]))
                        for one in document["passages"]
                    ),
                    "citations": tuple(self.one(Citation, one) for one in document["citations"]),
                    "usage": self.one(Usage, document["usage"]),
                    "tried": tuple(document.get("tried", ())),
                }
            )
        except (KeyError, TypeError, ValueError):
            raise self.other_server() from None

    def other_server(self) -> HarnessError:
        """What to say of an answer that no service of ours would give."""
        return UsageError(
            f"{self._url} does not answer as Harness does; check HARNESS_URL, and that both are of "
            "like versions"
        )

    def refusal(self, answer: httpx.Response) -> HarnessError:
        """The error that an answer with a status of 300 or more tells of."""
        code = answer.status_code
        try:
            said = " ".join(str(answer.json()["error"]).split())[:_MAX_ERROR_CHARS]
        except (ValueError, KeyError, TypeError):
            said = f"it answers {code}"
        if code == 401:
            return CredentialError(f"{self._url}: {said}; put it into HARNESS_TOKEN")
        if code == 403:
            return PolicyError(f"{self._url}: {said}")
        if code == 404 and said != "it answers 404":
            return RepositoryNotFoundError(said)
        if code in (400, 408, 413, 422):
            return UsageError(said)
        if code == 501:
            return ModelMissingError(f"{self._url}: {said}")
        if code in (429, 502, 503, 504):
            return ServiceUnavailableError(f"{self._url}: {said}")
        if code < 500:
            return UsageError(f"{self._url}: {said}; check HARNESS_URL")
        return PermanentError(f"{self._url}: {said}; its log says more")


def envelope_of_task(task: Mapping[str, Any]) -> Envelope:
    """The result of a task as its flow run tells it: the message begins with the status."""
    message = str(task.get("message") or "")
    word = message.replace(",", ":").partition(":")[0]
    ends = {"COMPLETED": Status.OK, "CANCELLED": Status.INTERRUPTED}
    status = ends.get(str(task.get("state_type")), Status.INTERNAL)
    if word in set(Status):
        status = Status(word)
    patch = str(task.get("patch") or "")
    return Envelope(
        status=status,
        answer=str(task.get("report") or "").strip(),
        patch=f"{patch}\n" if patch else "",
        error=None if status is Status.OK else message or str(task.get("state")),
    )
