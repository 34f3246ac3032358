"""The one document that ``ask`` and ``task`` end with, whether or not a model took part."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from harness.agent.status import EXIT_CODES, Status

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Citation:
    """Lines of a file that an answer or a passage stands on, 1-based and inclusive.

    ``verified``: the file has these lines; for a passage also that they are still the ones that
    were indexed. ``repo`` is the name in the index, empty for a folder that is not indexed.
    """

    path: str
    start_line: int
    end_line: int
    verified: bool
    repo: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage of the index. ``text`` is what a person reads: the place, then numbered lines,
    shortened to those that matter."""

    citation: Citation
    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What a run used of the model; a turn that was replayed from a cache costs no tokens."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    model_calls: int = 0
    replayed_turns: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.model_calls + other.model_calls,
            self.replayed_turns + other.replayed_turns,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The JSON contract; every field is always there.

    ``answer`` holds a model's words and is empty when none took part; ``passages`` are those of
    the index that were shown. ``patch`` is empty when nothing was changed, ``base`` the commit
    that it starts from, empty outside git. ``verified`` is whether the verification command
    passed on the files of the patch, None without a command. ``protocol`` is ``native`` or
    ``text``, ``passages`` without a model, ``passages+demo`` with the demo model's words below
    the passages; empty when the server did not answer. ``num_ctx`` is the model's window in
    tokens, 0 when unknown. ``strategy`` is how a task was worked on: ``loop``, ``localise``, or
    both in their order, joined by ``+``; ``strategy_reason`` says why, ``tried`` what a localised
    search did, a line each. ``verified_by`` is the verification command; ``model_seconds`` and
    ``verify_seconds`` are the parts of ``duration_seconds`` that the model and the command took.
    ``isolation`` is how the commands of a task or a conversation are isolated, empty where none
    can run.
    """

    schema_version: int = SCHEMA_VERSION
    status: Status
    answer: str = ""
    passages: tuple[Passage, ...] = ()
    citations: tuple[Citation, ...] = ()
    patch: str = ""
    verified: bool | None = None
    usage: Usage = field(default_factory=Usage)
    model: str = ""
    protocol: str = ""
    num_ctx: int = 0
    steps: int = 0
    duration_seconds: float = 0.0
    base: str = ""
    strategy: str = ""
    strategy_reason: str = ""
    tried: tuple[str, ...] = ()
    verified_by: str = ""
    model_seconds: float = 0.0
    verify_seconds: float = 0.0
    isolation: str = ""
    trajectory_path: str | None = None
    error: str | None = None

    @property
    def exit_code(self) -> int:
        """The exit code of the command."""
        return EXIT_CODES[self.status]

    def to_dict(self) -> dict[str, object]:
        """Return the document as plain data. Bytes of the patch that are not valid UTF-8 become
        ``\\udcXX``; ``patch.diff`` holds them as they are."""
        return {**asdict(self), "status": str(self.status), "exit_code": self.exit_code}
