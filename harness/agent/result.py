"""What is made of an envelope: the files of a results directory, and the patch applied."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from harness.agent.envelope import Envelope
from harness.agent.status import Status
from harness.agent.summary import changed_files, summary
from harness.errors import PolicyError
from harness.files import private_folder, write_atomically
from harness.markdown import code_block, code_span, inert, inert_line
from harness.repository.credentials import redact
from harness.workspace.patches import apply_patch


def write_results(
    result: Envelope,
    request: str,
    directory: Path,
    secrets: Iterable[str] = (),
    told: Sequence[str] = (),
) -> None:
    """Write ``patch.diff``, ``report.md`` and ``result.json``, readable by the owner only.

    The trajectory is already there. Secrets are taken out of texts, never out of the patch.

    :param told: what happened, a line each.
    """
    private_folder(directory)
    known = tuple(secrets)
    clean = without_secrets(result, known)
    write_atomically(directory / "patch.diff", result.patch)
    write_atomically(
        directory / "report.md", redact(report(result, request, told), known, suspected=True)
    )
    write_atomically(directory / "result.json", json.dumps(clean.to_dict(), indent=2) + "\n")


def without_secrets(result: Envelope, secrets: Iterable[str] = ()) -> Envelope:
    """Return what may be kept of a run: the patch, which has to fit, stays as it is."""
    known = tuple(secrets)
    return replace(
        result,
        answer=redact(result.answer, known, suspected=True),
        error=redact(result.error or "", known, suspected=True) or None,
        tried=tuple(redact(line, known, suspected=True) for line in result.tried),
        verified_by=redact(result.verified_by, known, suspected=True),
    )


def apply_result(
    result: Envelope, root: Path, approve: Callable[[str, str], bool] | None = None
) -> None:
    """Apply the patch of a run that ended well to the user's tree; nothing is committed.

    :param approve: asked with ``apply`` and the patch; None: nobody is asked.
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


def report(result: Envelope, request: str, told: Sequence[str] = ()) -> str:
    """Return what a person wants to know about a run, as Markdown that loads nothing; two lines
    say the most.

    :param told: what happened, a line each.
    """
    by = f" (`{result.verified_by}`)" if result.verified_by else ""
    verified = {None: "no command given", True: f"passed{by}", False: f"**not verified**{by}"}
    usage = result.usage
    rows = [
        ("Status", f"{result.status} (exit code {result.exit_code})"),
        ("Verification", verified[result.verified]),
        ("Model", f"{result.model}, {result.protocol} protocol, window {result.num_ctx} tokens"),
        ("Strategy", f"{result.strategy} ({result.strategy_reason})"),
        ("Steps", f"{result.steps} in {result.duration_seconds:.1f} s"),
        ("Tokens", f"{usage.prompt_tokens} read, {usage.completion_tokens} written"),
        ("Base", result.base or "files as they were"),
        ("Isolation of commands", result.isolation or "no commands"),
    ]
    parts = [
        "# Agent report",
        "  \n".join(inert_line(line) for line in summary(result)),
        "## Request",
        inert(request.strip()),
        "## Outcome",
        "\n".join(
            ["| | |", "|---|---|", *(f"| {name} | {inert_line(text)} |" for name, text in rows)]
        ),
    ]
    if not result.strategy_reason:  # a question has none
        parts[-1] = "\n".join(row for row in parts[-1].split("\n") if "| Strategy |" not in row)
    if result.error:
        parts += ["## Error", inert(result.error)]
    if told:
        parts += ["## Steps", code_block("\n".join(told))]
    if result.answer:
        words = "## The model's last words (no file was changed)"
        parts += [words if result.status is Status.NO_CHANGE else "## Answer", inert(result.answer)]
    if result.citations:
        rows_of = [
            f"- {code_span(f'{c.path}:{c.start_line}-{c.end_line}')}"
            f"{'' if c.verified else ' (unverified)'}"
            for c in result.citations
        ]
        parts += ["## Citations", "\n".join(rows_of)]
    if result.patch:
        parts += [
            "## Changed files (patch.diff)",
            "\n".join(f"- {code_span(name)}" for name in changed_files(result.patch)),
        ]
    return "\n\n".join(parts) + "\n"
