"""What happens while the model is silent: the limits hold, and a person sees that it works.

A model that evaluates a long prompt says nothing for a minute or more, and limits that are checked
with its tokens do not hold then. A second thread looks at the clock and ends the request.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from harness.agent.events import EventKind
from harness.agent.recorder import Recorder

POLL_SECONDS = 0.2
# Before that nobody wonders, and a log gets a line no more often than this.
FIRST_WORD_SECONDS = 2.0
LOG_SECONDS = 30.0


class Pace:
    """How fast prompts are evaluated: learnt from turns, used to say how long one will take.

    The time to the first token belongs to those tokens that the server did not have in its cache,
    which are those that were not in the prompt before.
    """

    def __init__(self) -> None:
        self.tokens_per_second = 0.0
        self._last_prompt = 0

    def new_tokens(self, prompt_tokens: int) -> int:
        """How many tokens of a prompt are probably new to the server."""
        return max(1, prompt_tokens - self._last_prompt)

    def learn(self, prompt_tokens: int, seconds: float) -> None:
        """Take the time to the first token of a turn."""
        new = self.new_tokens(prompt_tokens)
        if new >= 100 and seconds > 0.5:  # less is mostly overhead
            self.tokens_per_second = new / seconds
        self._last_prompt = prompt_tokens


class Watch:
    """Looks after one request of the model at a time.

    :param interrupt: ends the request; called once, from the watch's own thread.
    :param is_over: asked every :data:`POLL_SECONDS`.
    """

    def __init__(
        self, interrupt: Callable[[], None], is_over: Callable[[], bool], recorder: Recorder
    ) -> None:
        self._interrupt = interrupt
        self._is_over = is_over
        self._recorder = recorder
        self.pace = Pace()
        self.first_token_seconds = 0.0
        self.seconds = 0.0
        self._silent = True

    def heard(self) -> None:
        """Take note that a token has come."""
        if self._silent:
            self._silent = False
            self.first_token_seconds = time.monotonic() - self._began

    @contextmanager
    def over(self, prompt_tokens: int) -> Iterator[None]:
        """Watch until the context ends.

        :param prompt_tokens: of the request, as estimated.
        """
        self._began, self._silent, self.first_token_seconds = time.monotonic(), True, 0.0
        done = threading.Event()
        thread = threading.Thread(
            target=self._look, args=(done, prompt_tokens), name="watch", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            self.seconds += time.monotonic() - self._began

    def _look(self, done: threading.Event, prompt_tokens: int) -> None:
        told, logged = FIRST_WORD_SECONDS - 1.0, 0.0
        while not done.wait(POLL_SECONDS):
            if self._is_over():
                self._interrupt()
                return
            seconds = time.monotonic() - self._began
            if self._silent and seconds >= told + 1.0:
                told = seconds
                text = self._waiting(seconds, prompt_tokens)
                in_log = seconds - logged >= LOG_SECONDS
                logged = seconds if in_log else logged
                self._recorder.event(EventKind.WAIT, text, summary=text if in_log else "")

    def _waiting(self, seconds: float, prompt_tokens: int) -> str:
        new, rate = self.pace.new_tokens(prompt_tokens), self.pace.tokens_per_second
        text = f"the model reads about {new:,} tokens, {seconds:.0f} s so far"
        if rate:
            text += f" (about {new / rate:.0f} s at {rate:.0f} tokens/s)"
        return text
