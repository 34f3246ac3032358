"""What this process owes its terminal, whatever the command: UTF-8, streams that take any text, and
quiet ends by Ctrl-C and by a reader (``| head``) that has seen enough.

Only the standard library's own modules: all of this comes before anything slow is imported.
"""

from __future__ import annotations

import atexit
import io
import math
import os
import select
import signal
import sys
import time
from types import FrameType
from typing import NoReturn

_MOMENT_SECONDS = 2.0
_interrupted_at = -math.inf
_is_for_one_command = False
_held: list[object] = []
_GONE = select.POLLERR | select.POLLHUP | select.POLLNVAL


def begin() -> None:
    """Prepare a process that runs one command; nothing of ours is imported yet."""
    global _is_for_one_command
    _is_for_one_command = True
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else somebody ignores it
        signal.signal(signal.SIGINT, _end_at_once)
        # The last of all exit functions: no handler of ours is called while modules are torn
        # down, which may take a while, and the signal would kill the process.
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
    _fill_descriptors()
    _run_in_utf8()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")  # as arguments


def let_command_clean_up() -> None:
    """From now on Ctrl-C is an exception: there may be something to take back."""
    if signal.getsignal(signal.SIGINT) is _end_at_once:
        signal.signal(signal.SIGINT, _interrupt)


def end() -> None:
    """The command is over: what is left are the interpreter's own last steps."""
    if signal.getsignal(signal.SIGINT) is _interrupt:
        signal.signal(signal.SIGINT, _end_at_once)


def is_for_one_command() -> bool:
    """Whether the process ends with the command that it runs."""
    return _is_for_one_command


def hold(thing: object) -> None:
    """Keep something as it is to the end of the process, which then skips the interpreter's own
    last steps."""
    _held.append(thing)


def leave(code: int) -> NoReturn:
    """End the process; everything has been written.

    :raises SystemExit: unless something is held.
    """
    if _held:
        os._exit(code)
    sys.exit(code)


def just_interrupted() -> bool:
    """Whether Ctrl-C came a moment ago. What a library is doing then may fail in any way: a module
    that is being loaded, for one, with an ImportError."""
    return time.monotonic() - _interrupted_at < _MOMENT_SECONDS


def reader_is_gone() -> bool:
    """Whether nobody reads our output or our messages any more."""
    poll = select.poll()
    for descriptor in (1, 2):
        poll.register(descriptor, 0)
    return any(event & _GONE for _, event in poll.poll(0))


def drop_output() -> None:
    """Write to nowhere from now on, so that nothing fails again when buffers are flushed."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    poll = select.poll()
    for descriptor in (1, 2):
        poll.register(descriptor, 0)
    for descriptor, event in poll.poll(0):
        if event & _GONE:
            os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    global _interrupted_at
    _interrupted_at = time.monotonic()
    raise KeyboardInterrupt


def _end_at_once(_number: int, _frame: FrameType | None) -> None:
    # While modules are imported an exception would surface in whatever code is running.
    os.write(2, b"harness: interrupted\n")
    os._exit(130)


def _fill_descriptors() -> None:
    """Open what ``>&-`` has closed: the next file of ours would take its number, and its output."""
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            mode = "r" if descriptor == 0 else "w"
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _run_in_utf8() -> None:
    """Start again in UTF-8 mode where the locale knows ASCII only.

    Python does so by itself in the locale C, unless told otherwise. Without it no file with a
    name beyond ASCII could be opened by the name that the index has for it. What the terminal is
    sent stays ASCII.
    """
    if sys.flags.utf8_mode or sys.getfilesystemencoding() == "utf-8" or not sys.executable:
        return
    try:
        "ä".encode(sys.getfilesystemencoding())
    except UnicodeEncodeError:
        output = getattr(sys.stdout, "encoding", "ascii")
        environment = {"PYTHONIOENCODING": f"{output}:backslashreplace", **os.environ}
        environment["PYTHONUTF8"] = "1"  # also for the programs that we start
        arguments = [sys.executable, "-X", "utf8", *sys.orig_argv[1:]]
        os.execve(sys.executable, arguments, environment)  # noqa: S606
