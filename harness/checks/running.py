"""Running checks: each never raises and has a time-out; all run at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass

from harness.errors import HarnessError

CHECK_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Outcome of one check; ``ok`` is None when it was skipped because nothing is configured."""

    name: str
    ok: bool | None
    detail: str
    remedy: str = ""
    seconds: float = 0.0


Outcome = tuple[bool | None, str, str]
"""(ok, or None for skipped; detail; remedy, empty for the check's own)."""


@dataclass(frozen=True, slots=True)
class Check:
    """A named check; ``run`` returns its outcome, or raises."""

    name: str
    run: Callable[[], Outcome]
    remedy: str = ""


def run_checks(checks: Sequence[Check]) -> list[CheckResult]:
    """Run checks concurrently; results in the order given. Never raises."""
    pool = ThreadPoolExecutor(max_workers=len(checks) or 1, thread_name_prefix="check")
    try:
        futures = [(check, pool.submit(run_check, check)) for check in checks]
        deadline = time.monotonic() + CHECK_TIMEOUT_SECONDS
        results = []
        for check, future in futures:
            try:
                results.append(future.result(timeout=max(0.0, deadline - time.monotonic())))
            except FutureTimeoutError:
                detail = f"no answer within {CHECK_TIMEOUT_SECONDS:.0f} s"
                results.append(
                    CheckResult(check.name, False, detail, check.remedy, CHECK_TIMEOUT_SECONDS)
                )
        return results
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def run_check(check: Check) -> CheckResult:
    """Run one check; any exception becomes a failed result of one line."""
    began = time.perf_counter()
    try:
        ok, detail, remedy = check.run()
    except HarnessError as error:
        # Messages of the tree are "what is wrong; what to do about it".
        detail, _, remedy = str(error).partition("; ")
        ok = False
    except Exception as error:  # a check reports, whatever happens
        ok, detail, remedy = False, f"{type(error).__name__}: {error}", check.remedy
    line = " ".join(detail.split())
    remedy = "" if ok is not False else remedy or check.remedy
    return CheckResult(check.name, ok, line, remedy, round(time.perf_counter() - began, 3))
