"""docs/reference/exit-codes.md: how commands end, from the tree of errors and the agent's ends."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from harness.agent.status import EXIT_CODES
from harness.errors import HarnessError, TransientError

MEANINGS = {
    0: "done",
    1: "something failed; the line on stderr says what, `--debug` shows where",
    2: "bad input: an option, a path, a query or a setting",
    3: "a server, a model or git is missing, or did not answer",
    4: "a limit was reached: steps, time, tokens, repeated calls, format errors, context",
    5: "a task changed nothing",
    6: "the verification of a task failed, or an answer cites nothing that bears it out",
    7: "refused by a permission",
    130: "interrupted",
}

_HEADER = """# Exit codes

Made from the code by `make reference`.

| code | meaning | `status` of `ask` and `task` |
|---|---|---|
"""
_ERRORS = """
## Errors

An error is one line that says what is wrong and what to do about it. Flow runs try again what is
transient; anything else would fail again.

| error | code | transient | meaning |
|---|---|---|---|
"""


def errors(root: type[HarnessError] = HarnessError) -> Iterator[type[HarnessError]]:
    """The tree of :mod:`harness.errors`, from its root, branch by branch."""
    yield root
    for branch in root.__subclasses__():
        if branch.__module__ == "harness.errors":
            yield from errors(branch)


def page() -> str:
    """The whole page."""
    rows = []
    for code, meaning in MEANINGS.items():
        ends = ", ".join(f"`{status}`" for status, number in EXIT_CODES.items() if number == code)
        rows.append(f"| {code} | {meaning} | {ends} |\n")
    tree = [
        f"| `{error.__name__}` | {error.exit_code} | "
        f"{'yes' if issubclass(error, TransientError) else ''} | {_meaning(error)} |\n"
        for error in errors()
    ]
    return _HEADER + "".join(rows) + _ERRORS + "".join(tree)


def _meaning(error: type[HarnessError]) -> str:
    return " ".join((inspect.getdoc(error) or "").replace("``", "`").split())
