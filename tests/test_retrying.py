"""The one rule for trying again: bounds, waits, and what is not tried again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from harness.errors import HarnessError, ServiceUnavailableError, StoreBusyError, StoreError
from harness.retrying import Backoff, log_retry


class Step:
    """Fails with each of the errors in turn, then returns how often it was called."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors, self.calls = list(errors), 0

    def __call__(self) -> int:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.calls


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def backoff(slept: list[float]) -> Backoff:
    return Backoff(attempts=3, base_seconds=1, sleep=slept.append, random=lambda: 1.0)


def test_a_passing_failure_is_tried_again(backoff: Backoff, slept: list[float]) -> None:
    assert backoff.call(Step(StoreBusyError("held"), ConnectionResetError())) == 3
    assert slept == [1.0, 2.0]


@pytest.mark.parametrize(
    ("error", "calls"),
    [
        pytest.param(ServiceUnavailableError("down"), 3, id="transient"),
        pytest.param(StoreError("damaged"), 1, id="permanent"),
        pytest.param(ValueError("a bug"), 1, id="outside the tree"),
        pytest.param(KeyboardInterrupt(), 1, id="interrupted"),
        pytest.param(GeneratorExit(), 1, id="closed"),
    ],
)
def test_attempts_are_bounded_and_the_last_error_is_raised(
    backoff: Backoff, error: BaseException, calls: int
) -> None:
    step = Step(*[error] * 9)
    with pytest.raises(type(error)) as raised:
        backoff.call(step)
    assert raised.value is error
    assert step.calls == calls


def test_a_caller_says_what_is_worth_it(backoff: Backoff) -> None:
    assert backoff.call(Step(KeyError()), is_worth_it=lambda error: True) == 2
    with pytest.raises(ServiceUnavailableError):
        backoff.call(Step(ServiceUnavailableError("down")), is_worth_it=lambda error: False)


def test_one_attempt_is_one(slept: list[float]) -> None:
    with pytest.raises(ServiceUnavailableError):
        Backoff(attempts=1, sleep=slept.append).call(Step(ServiceUnavailableError("down")))
    assert slept == []


@pytest.mark.parametrize(("left", "calls"), [(1.5, 2), (2.5, 3), (0.0, 1)])
def test_no_wait_outlasts_the_deadline(
    backoff: Backoff, slept: list[float], left: float, calls: int
) -> None:
    step = Step(*[ServiceUnavailableError("down")] * 9)
    with pytest.raises(ServiceUnavailableError):
        backoff.call(step, seconds_left=lambda: left)
    assert step.calls == calls
    assert sum(slept) == {1: 0.0, 2: 1.0, 3: 3.0}[calls]


def test_each_wait_is_told_before_it_begins(backoff: Backoff, slept: list[float]) -> None:
    told: list[tuple[str, float, int]] = []

    def tell(error: BaseException, seconds: float) -> None:
        told.append((str(error), seconds, len(slept)))

    errors = [ServiceUnavailableError("one"), ServiceUnavailableError("two")]
    assert backoff.call(Step(*errors), on_retry=tell) == 3
    assert told == [("one", 1.0, 0), ("two", 2.0, 1)]


def test_the_log_says_why_and_when(backoff: Backoff, caplog: pytest.LogCaptureFixture) -> None:
    backoff.call(Step(ServiceUnavailableError("it is down")), on_retry=log_retry)
    assert caplog.messages == ["it is down; trying again in 1.0 s"]


def test_waits_grow_to_a_cap_and_vary(slept: list[float]) -> None:
    backoff = Backoff(base_seconds=1, cap_seconds=4, sleep=slept.append)
    for failures, longest in enumerate([1, 2, 4, 4, 4], start=1):
        slept.clear()
        for _ in range(50):
            backoff.wait(failures)
        assert len(set(slept)) > 1
        assert all(longest / 2 <= seconds <= longest for seconds in slept)


def test_the_library_is_loaded_when_it_is_needed() -> None:
    code = "import sys, harness.retrying; sys.exit('tenacity' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("make", [StoreBusyError, ServiceUnavailableError], ids=str)
def test_errors_keep_their_cause(backoff: Backoff, make: Callable[[str], HarnessError]) -> None:
    cause = OSError("no route")

    def step() -> None:
        raise make("down") from cause

    with pytest.raises(HarnessError) as raised:
        backoff.call(step)
    assert raised.value.__cause__ is cause


def test_a_long_outage_does_not_overflow() -> None:
    backoff = Backoff(cap_seconds=60, random=lambda: 1.0)
    assert backoff.seconds(5_000) == 60.0
