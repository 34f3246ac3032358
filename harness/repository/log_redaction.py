"""Takes credentials out of log lines, whoever writes them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

Values = Callable[[], Iterable[str]]


class RedactingFilter(logging.Filter):
    """Rewrites what a handler is about to write; lets every record through.

    :param values: secrets that are known; asked with each record, so that nothing is read before
        there is something to say.
    """

    def __init__(self, values: Values) -> None:
        super().__init__()
        self._values = values

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the message, the traceback and the stack of a record."""
        from harness.repository.credentials import redact  # 4 ms

        values = tuple(self._values())
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):
            # The arguments do not fit; logging would show them as they are.
            message = f"{record.msg} {record.args!r}"
            record.msg, record.args = message, None
        clean = redact(message, values, suspected=True)
        if clean != message:
            record.msg, record.args = clean, None
        if record.exc_info:
            # Formatters take a text that is there already; another handler may have left it.
            text = record.exc_text or logging.Formatter().formatException(record.exc_info)
            record.exc_text = redact(text, values, suspected=True)
        if record.stack_info:
            record.stack_info = redact(record.stack_info, values, suspected=True)
        return True


def redact_logs(logger: logging.Logger, values: Values) -> None:
    """Redact what the logger's own handlers write; can be repeated.

    On handlers, because a logger's filters do not see the records of the loggers below it.
    """
    for handler in logger.handlers:
        if not any(isinstance(known, RedactingFilter) for known in handler.filters):
            handler.addFilter(RedactingFilter(values))
