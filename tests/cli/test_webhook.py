"""``harness webhook``."""

from __future__ import annotations

import pytest

from harness.cli.webhook import configured_app
from harness.errors import InvalidSettingError


def test_it_refuses_to_start_without_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_WEBHOOK_SECRET", raising=False)
    with pytest.raises(InvalidSettingError, match="HARNESS_WEBHOOK_SECRET"):
        configured_app()
