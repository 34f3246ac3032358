"""How runs end."""

from __future__ import annotations

from harness.agent.status import EXIT_CODES, Status


def test_every_status_has_an_exit_code() -> None:
    assert set(EXIT_CODES) == set(Status)
    assert set(EXIT_CODES.values()) == {0, 1, 2, 3, 4, 5, 6, 7, 130}
