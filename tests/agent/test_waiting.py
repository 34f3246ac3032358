"""What is said and done while the model is silent."""

from __future__ import annotations

import threading

from harness.agent.events import AgentEvent, EventKind, as_line
from harness.agent.recorder import Recorder
from harness.agent.trajectory import Trajectory
from harness.agent.waiting import Pace, Watch


def test_a_pace_knows_the_new_part_of_a_prompt() -> None:
    pace = Pace()
    pace.learn(1000, 20.0)
    assert pace.tokens_per_second == 50.0
    assert pace.new_tokens(1300) == 300
    pace.learn(1010, 0.1)  # from the cache: says nothing of the rate
    assert pace.tokens_per_second == 50.0


def test_a_request_is_ended_once_when_the_time_is_over() -> None:
    ended = threading.Event()
    calls: list[int] = []

    def interrupt() -> None:
        calls.append(1)
        ended.set()

    watch = Watch(interrupt, lambda: True, Recorder(Trajectory(None)))
    with watch.over(100):
        assert ended.wait(10)
    assert calls == [1]


def test_silence_is_told_with_a_rate() -> None:
    told: list[AgentEvent] = []
    heard = threading.Event()

    def listen(event: AgentEvent) -> None:
        told.append(event)
        heard.set()

    watch = Watch(lambda: None, lambda: False, Recorder(Trajectory(None), listen))
    watch.pace.learn(1000, 20.0)
    with watch.over(3000):
        assert heard.wait(10)
    assert told[0].kind is EventKind.WAIT
    assert told[0].text.startswith("the model reads about 2,000 tokens, 2 s so far (about 40 s at")
    assert as_line(told[0]) == ""  # a log gets a line every half minute only
