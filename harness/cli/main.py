"""Entry point: runs a command and turns errors into one line and an exit code.

Exit codes: 0 done; 1 something failed; 2 bad input; 3 a server or model is missing; 4 a limit was
reached; 5 a task changed nothing; 6 verification failed, or no citation of an answer holds;
7 refused; 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

from harness.cli import lines, process, searching
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
    process.begin()
    code = run(list(sys.argv[1:] if arguments is None else arguments))
    process.end()
    process.leave(code)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    code = 0
    try:
        if not _answered_at_hand(arguments):
            from harness.cli import console

            debug = console.take_debug_flag(arguments)
            console.configure_logging(debug)
            code = _command(arguments, debug)
        sys.stdout.flush()  # here and not at exit, where nobody catches what it raises
    except BrokenPipeError:
        process.drop_output()  # the reader has seen enough
    except KeyboardInterrupt:
        lines.error("interrupted")
        return 130
    except OSError as error:
        lines.error(f"the output cannot be written: {error.strerror}")
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return code or 1
    return code


def _answered_at_hand(arguments: list[str]) -> bool:
    """Have the service of this machine answer a search, if there is one.

    :raises BrokenPipeError: nobody reads the output any more.
    """
    asked = searching.read(arguments)
    found = searching.found_at_hand(asked) if asked is not None else None
    if asked is None or found is None:
        return False
    searching.show(asked, found)
    return True


def _command(arguments: list[str], debug: bool) -> int:
    """Run a command.

    :returns: its exit code; what went wrong has been said.
    :raises BrokenPipeError: nobody reads the output any more.
    """
    process.let_command_clean_up()
    try:
        asked = searching.read(arguments)
        if asked is None:
            code = _parsed(arguments)
        else:
            searching.show(asked, searching.find(asked))
            code = 0
        if code == 130 and process.just_interrupted():  # while arguments were read
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        lines.error("interrupted")
        return 130
    except SystemExit as stop:
        # The argument parser's answer to a closed pipe, whoever's it was.
        if not isinstance(stop.__context__, BrokenPipeError):
            raise
        return _failed(stop.__context__, debug)
    except Exception as error:
        if process.just_interrupted() and not isinstance(error, HarnessError):
            lines.error("interrupted")
            return 130
        return _failed(error, debug)
    return code


def _parsed(arguments: list[str]) -> int:
    """Let the parser read the arguments and call the command.

    :raises KeyboardInterrupt: the command was interrupted.
    """
    import typer

    from harness.cli.app import app_for

    try:
        # Without standalone mode an exit code is returned, and errors are ours to show.
        code = app_for(arguments)(args=arguments, prog_name="harness", standalone_mode=False)
    except typer.Abort:
        raise KeyboardInterrupt from None
    return code if isinstance(code, int) else 0


def _failed(error: Exception, debug: bool) -> int:
    """Say what went wrong, in a line or with ``--debug`` also where, and return the exit code."""
    if isinstance(error, BrokenPipeError) and process.reader_is_gone():
        raise error
    if debug and not hasattr(error, "show"):
        import traceback

        traceback.print_exception(error)
    if isinstance(error, HarnessError):
        lines.error(str(error))
        return error.exit_code
    show = getattr(error, "show", None)  # a usage error of the argument parser
    if callable(show):
        show()
        return int(getattr(error, "exit_code", 2))
    if isinstance(error, OSError) and error.errno in _REMEDIES:
        where = f"{os.fspath(error.filename)}: " if error.filename else ""
        lines.error(f"{where}{error.strerror}; {_REMEDIES[error.errno]}")
        return 1
    if isinstance(error, MemoryError):
        lines.error("there is not enough memory; end other programs, or raise this one's limit")
        return 1
    hint = "" if debug else "; run again with --debug for the details"
    lines.error(f"unexpected {type(error).__name__}: {error}{hint}")
    return 1


def main_module() -> None:
    """``python -m harness``: a question, ``--task TEXT``, HARNESS_TASK, or any command.

    :raises SystemExit: always, with the documented exit code.
    """
    process.begin()
    main(module_arguments(list(sys.argv[1:]), os.environ.get("HARNESS_TASK", "")))


def module_arguments(arguments: list[str], task: str) -> list[str]:
    """Translate the module's short forms to commands.

    :param task: the value of HARNESS_TASK, used when nothing else is said.
    """
    if arguments[:1] == ["search"]:
        return arguments  # without loading every command for it
    from harness.cli.app import command_names

    if arguments and arguments[0] == "--debug":
        return ["--debug", *module_arguments(arguments[1:], task)]
    if arguments and arguments[0] == "--task":
        return ["task", *arguments[1:]]
    if not arguments:
        return ["task", task] if task else []
    if arguments[0] in command_names() or arguments[0].startswith("-"):
        return arguments
    return ["ask", *arguments]
