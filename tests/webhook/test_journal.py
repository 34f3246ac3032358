"""What is kept on disk, and for how long."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from harness.errors import StackError, StoreError
from harness.webhook.journal import Delivery, Journal


def test_empty_lines_are_no_damage(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        path = tmp_path / "webhook" / "journal.jsonl"
        async with Journal(path) as journal:
            await journal.accept("app", "/x", "abc", ("key",), 0.0)
        with path.open("a") as file:
            file.write('{"push": {"se')
        async with Journal(path) as journal:
            assert list(journal.pending) == ["app"]

    asyncio.run(run())
    assert len(caplog.records) == 1, "only of the line that was cut"


def test_the_journal_stays_small_and_remembers_the_last_deliveries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.webhook.journal._COMPACT_BYTES", 20_000)

    async def fill(journal: Journal, numbers: range) -> Delivery:
        for number in numbers:
            delivery = await journal.accept("app", "/x", "abc", (f"key-{number}",), 0.0)
            journal.handed_over(delivery)
        return await journal.accept("app", "/x", "last", ("last",), 0.0)

    async def run() -> None:
        path = tmp_path / "webhook" / "journal.jsonl"
        async with Journal(path, max_seen=100) as journal:
            await fill(journal, range(500))
            assert path.stat().st_size < 40_000
            assert (journal.seen(["key-0"]), journal.seen(["key-499"]) is None) == (None, False)
            with pytest.raises(StackError):
                await Journal(path).__aenter__()
        async with Journal(path) as journal:
            assert [delivery.commit for delivery in journal.pending.values()] == ["last"]
            assert journal.seen(["key-499"]) is not None
            assert journal.seen(["key-1"]) is None

    asyncio.run(run())


def test_a_full_disk_is_reported_and_nothing_counts_as_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        async with Journal(tmp_path / "journal.jsonl") as journal:

            def full(_lines: list[str]) -> None:
                raise OSError(28, "No space left on device")

            with monkeypatch.context() as patch:
                patch.setattr(journal, "_append", full)
                with pytest.raises(StoreError, match="No space left"):
                    await journal.accept("app", "/x", "abc", ("key",), 0.0)
            assert (journal.seen(["key"]), journal.pending) == (None, {})
            await journal.accept("app", "/x", "abc", ("key",), 0.0)

    asyncio.run(run())
