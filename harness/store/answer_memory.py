"""Answers that are remembered as long as what they were read from is as it was."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Any

_LARGEST = 5_000


class AnswerMemory:
    """Answers by what was asked, those that were asked for last; for any number of threads.

    It is made anew whenever something may have changed, so nobody has to say what is out of date:
    who holds one looks whether it is still the one that the store returns.
    """

    __slots__ = ("_answers", "_lock", "_size")

    def __init__(self) -> None:
        self._answers: dict[Hashable, tuple[Any, int]] = {}
        self._size = 0
        self._lock = threading.Lock()

    def get(self, asked: Hashable) -> Any:
        """The answer; None when there is none."""
        with self._lock:
            found = self._answers.pop(asked, None)
            if found is None:
                return None
            self._answers[asked] = found  # as the one that was asked for last
            return found[0]

    def put(self, asked: Hashable, answer: Any, size: int) -> None:
        """Remember an answer, and forget those that nobody has asked for longest.

        :param asked: everything that the answer depends on beside the collection, who may see what
            included.
        :param size: how many passages it holds; of all answers together 5,000 are kept.
        """
        with self._lock:
            self._size += size - self._answers.pop(asked, (None, 0))[1]
            self._answers[asked] = answer, size
            while self._size > _LARGEST:
                self._size -= self._answers.pop(next(iter(self._answers)))[1]
