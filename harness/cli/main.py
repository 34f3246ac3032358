"""Entry point: runs a command and turns errors into one line and an exit code.

Exit codes: 0 done; 1 something failed; 2 bad input; 3 a server or model is missing; 4 a limit was
reached; 5 a task changed nothing; 6 verification failed; 7 refused; 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

from harness.errors import HarnessError

# What a disk or its permissions refuse, anywhere: not a fault of the program.
_REMEDIES = {
    errno.ENOSPC: "free some space there",
    errno.EDQUOT: "free some space there",
    errno.EROFS: "it is read-only: choose another folder (docs/settings.md names the variables)",
    errno.EACCES: "check its owner and permissions",
    errno.EPERM: "check its owner and permissions",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    :param arguments: without the program's name; None takes those of the process.
    :raises SystemExit: always, with the documented exit code.
    """
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    import typer

    from harness.cli import console
    from harness.cli.app import app

    debug = console.take_debug_flag(arguments)
    console.configure_logging(debug)
    try:
        # Without standalone mode an exit code is returned, and errors are ours to show.
        code = app(args=arguments, prog_name="harness", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        console.error("interrupted")
        return 130
    except BrokenPipeError:
        console.detach_stdout()
        return 0
    except HarnessError as error:
        if debug:
            raise
        console.error(str(error))
        return error.exit_code
    except Exception as error:
        show = getattr(error, "show", None)  # a usage error of the argument parser
        if callable(show):
            show()
            return int(getattr(error, "exit_code", 2))
        if debug:
            raise
        if isinstance(error, OSError) and error.filename and error.errno in _REMEDIES:
            console.error(f"{error.filename}: {error.strerror}; {_REMEDIES[error.errno]}")
            return 1
        name = type(error).__name__
        console.error(f"unexpected {name}: {error}; run again with --debug for the details")
        return 1
    return code if isinstance(code, int) else 0


def main_module() -> None:
    """``python -m harness``: a question, ``--task TEXT``, HARNESS_TASK, or any command.

    :raises SystemExit: always, with the documented exit code.
    """
    main(module_arguments(list(sys.argv[1:]), os.environ.get("HARNESS_TASK", "")))


def module_arguments(arguments: list[str], task: str) -> list[str]:
    """Translate the module's short forms to commands.

    :param task: the value of HARNESS_TASK, used when nothing else is said.
    """
    from harness.cli.app import app

    commands = {
        info.name or getattr(info.callback, "__name__", "") for info in app.registered_commands
    }
    if arguments and arguments[0] == "--task":
        return ["task", *arguments[1:]]
    if not arguments:
        return ["task", task] if task else []
    if arguments[0] in commands or arguments[0].startswith("-"):
        return arguments
    return ["ask", *arguments]
