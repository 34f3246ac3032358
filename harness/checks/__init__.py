"""Provisioning checks: what ``harness doctor`` prints and the ``check-stack`` flow records."""

from __future__ import annotations

from harness.checks.running import Check, CheckResult, run_checks

__all__ = ["Check", "CheckResult", "check_stack", "run_checks"]


def check_stack() -> list[CheckResult]:
    """Run every check that the environment's settings call for; never raises."""
    from harness.checks.configured import configured_checks

    return run_checks(configured_checks())
