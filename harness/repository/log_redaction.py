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
        """Redact the message and the traceback of a record."""
        from harness.repository.credentials import redact  # 4 ms

        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            return True  # logging reports the wrong arguments itself
        values = tuple(self._values())
        clean = redact(message, values, suspected=True)
        if clean != message:
            record.msg, record.args = clean, None
        if record.exc_info and not record.exc_text:
            text = logging.Formatter().formatException(record.exc_info)
            # Formatters take a text that is there already.
            record.exc_text = redact(text, values, suspected=True)
        return True


def redact_logs(logger: logging.Logger, values: Values) -> None:
    """Redact what the logger's own handlers write; can be repeated.

    On handlers, because a logger's filters do not see the records of the loggers below it.
    """
    for handler in logger.handlers:
        if not any(isinstance(known, RedactingFilter) for known in handler.filters):
            handler.addFilter(RedactingFilter(values))
