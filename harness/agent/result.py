"""The result of a run: the envelope that is printed, and the files of a results directory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from harness.agent.citations import Citation
from harness.agent.limits import Usage
from harness.agent.status import EXIT_CODES, Status
from harness.errors import PolicyError
from harness.files import private_folder, write_atomically
from harness.repository.credentials import redact
from harness.workspace import apply_patch

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class AgentResult:
    """The envelope of ``ask`` and ``task``.

    ``patch`` is empty when nothing was changed. ``verified`` is None when there was nothing to
    verify with, else whether the command passed on the files of the patch. ``protocol`` is
    ``native`` or ``text``, ``num_ctx`` in tokens. ``base`` is the commit that was copied, empty
    outside git.
    """

    status: Status
    answer: str
    citations: tuple[Citation, ...]
    patch: str
    usage: Usage
    model: str
    protocol: str
    num_ctx: int
    steps: int
    trajectory_path: str | None
    error: str | None
    verified: bool | None
    duration_seconds: float
    base: str = ""
    schema_version: int = SCHEMA_VERSION

    @property
    def exit_code(self) -> int:
        """What the command line ends with."""
        return EXIT_CODES[self.status]

    def to_dict(self) -> dict[str, object]:
        """Return the JSON contract. Bytes of the patch that are not UTF-8 become ``\\udcXX``;
        ``patch.diff`` holds them as they are."""
        first = {"schema_version": self.schema_version, "status": str(self.status)}
        return {**first, **asdict(self), **first, "exit_code": self.exit_code}


def write_results(
    result: AgentResult, request: str, directory: Path, secrets: Iterable[str] = ()
) -> None:
    """Write ``patch.diff``, ``report.md`` and ``result.json``, readable by the owner only.

    The trajectory is there already. Secrets are taken out of texts, never out of the patch.
    """
    private_folder(directory)
    known = tuple(secrets)
    write_atomically(directory / "patch.diff", result.patch)
    write_atomically(
        directory / "report.md", redact(report(result, request), known, suspected=True)
    )
    clean = replace(
        result,
        answer=redact(result.answer, known, suspected=True),
        error=redact(result.error or "", known, suspected=True) or None,
    )
    write_atomically(directory / "result.json", json.dumps(clean.to_dict(), indent=2) + "\n")


def apply_result(
    result: AgentResult, root: Path, approve: Callable[[str, str], bool] | None = None
) -> None:
    """Apply the patch of a run to the user's tree, if it ended well; no commit.

    :param approve: asked with ``apply`` and the patch; None: not asked.
    :raises PolicyError: the run did not end well, or the user refused.
    :raises PatchConflictError: the patch does not apply cleanly; nothing was changed.
    """
    if result.status is not Status.OK:
        raise PolicyError(
            f"the run ended with {result.status}; apply patch.diff yourself if wanted"
        )
    if approve is not None and not approve("apply", result.patch):
        raise PolicyError("the patch was not approved; it was not applied")
    if result.patch:
        apply_patch(result.patch, root)


def report(result: AgentResult, request: str) -> str:
    """Return what a person wants to know, as Markdown."""
    verified = {None: "no command given", True: "passed", False: "**not verified**"}
    usage = result.usage
    rows = [
        ("Status", f"{result.status} (exit code {result.exit_code})"),
        ("Verification", verified[result.verified]),
        ("Model", f"{result.model}, {result.protocol} protocol, window {result.num_ctx} tokens"),
        ("Steps", f"{result.steps} in {result.duration_seconds:.1f} s"),
        ("Tokens", f"{usage.prompt_tokens} read, {usage.completion_tokens} written"),
        ("Base", result.base or "files as they were"),
    ]
    parts = [
        "# Agent report",
        "## Request",
        request.strip(),
        "## Outcome",
        "\n".join(["| | |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows)]),
    ]
    if result.error:
        parts += ["## Error", result.error]
    if result.answer:
        parts += ["## Answer", result.answer]
    if result.citations:
        rows_of = [
            f"- `{c.path}:{c.start_line}-{c.end_line}`{'' if c.verified else ' (unverified)'}"
            for c in result.citations
        ]
        parts += ["## Citations", "\n".join(rows_of)]
    if result.patch:
        changed = [
            line.removeprefix("diff --git a/").split(" b/")[0]
            for line in result.patch.splitlines()
            if line.startswith("diff --git ")
        ]
        parts += ["## Changed files (patch.diff)", "\n".join(f"- `{name}`" for name in changed)]
    return "\n\n".join(parts) + "\n"
