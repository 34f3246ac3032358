"""Log lines without credentials, whichever logger of ours writes them."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from harness.cli import console
from harness.repository.log_redaction import redact_logs


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What a handler of the logger ``above`` writes."""
    stream = io.StringIO()
    logger, handler = logging.getLogger("above"), logging.StreamHandler(stream)
    logger.addHandler(handler)
    logger.propagate = False
    redact_logs(logger, lambda: ["hunter2-hunter2"])
    redact_logs(logger, lambda: ["hunter2-hunter2"])
    assert len(handler.filters) == 1
    yield stream
    logger.removeHandler(handler)


def test_messages_and_arguments_of_loggers_below(written: io.StringIO) -> None:
    logging.getLogger("above.below").warning(
        "%s is %s, see %s", "the key", "hunter2-hunter2", "https://user:pa55word@host/x"
    )
    assert written.getvalue() == "the key is [redacted], see https://user:[redacted]@host/x\n"


def test_tracebacks(written: io.StringIO) -> None:
    try:
        raise ValueError("Authorization: Bearer abcdef")
    except ValueError:
        logging.getLogger("above").exception("failed with hunter2-hunter2")
    assert "ValueError: Authorization: Bearer [redacted]" in written.getvalue()
    assert written.getvalue().startswith("failed with [redacted]\nTraceback")
    assert "abcdef" not in written.getvalue()


def test_other_messages_stay_as_they_are(written: io.StringIO) -> None:
    logging.getLogger("above").warning("%d of %d files", 3, 4)
    assert written.getvalue() == "3 of 4 files\n"


def test_arguments_that_do_not_fit(written: io.StringIO) -> None:
    logging.getLogger("above").warning("%d files", "hunter2-hunter2")
    assert written.getvalue() == "%d files ('[redacted]',)\n"


def test_what_another_handler_has_formatted(written: io.StringIO) -> None:
    below = logging.getLogger("above.below")
    first = logging.StreamHandler(io.StringIO())  # formats the traceback, and keeps it
    below.addHandler(first)
    try:
        raise ValueError("hunter2-hunter2")
    except ValueError:
        below.exception("failed with hunter2-hunter2", stack_info=True)
    finally:
        below.removeHandler(first)
    assert "ValueError: [redacted]" in written.getvalue()
    assert "hunter2" not in written.getvalue()


def test_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QDRANT_API_KEY", "hunter2-hunter2")
    before = logging.getLogger().handlers[:], logging.getLogger("harness").level
    try:
        console.configure_logging(debug=False)
        logging.getLogger("harness.store").warning("refused hunter2-hunter2")
    finally:
        logging.getLogger().handlers[:] = before[0]
        logging.getLogger("harness").setLevel(before[1])
    assert capsys.readouterr().err == "WARNING refused [redacted]\n"
