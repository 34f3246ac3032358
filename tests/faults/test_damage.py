"""Every file of an embedded index, damaged in every way: found, said in a line, and mended.

The table in docs/reliability.md is what the long form counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.damage import DAMAGES, Index, build, damage, files_of, outcomes, remove
from tests.faults.rounds import ROUNDS

_SEGMENT = "segment"
SHORT = [
    pytest.param(f"{_SEGMENT}/mutable_id_tracker.mappings", "halve", False, id="ids-cut"),
    pytest.param(f"{_SEGMENT}/payload_storage/page_0.dat", "flip", False, id="text-flipped"),
    pytest.param(f"{_SEGMENT}/payload_index/repo-map/tracker.dat", "zero", True, id="index-rots"),
    pytest.param(f"{_SEGMENT}/vector_storage-dense/vectors/chunk_0.mmap", "zero", True, id="rots"),
    pytest.param(f"{_SEGMENT}/segment.json", "remove", False, id="no-segment"),
    pytest.param("edge_config.json", "garbage", False, id="config"),
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return build(tmp_path_factory.mktemp("damage"))


@pytest.fixture
def index(whole: Index, tmp_path: Path) -> Iterator[Index]:
    copy = whole.copy(tmp_path / "copy")
    yield copy
    remove(copy)


def judge(found: dict[str, str], keep_time: bool) -> None:
    """What a user may see of damage, whatever it is."""
    for operation, outcome in found.items():
        assert outcome.partition(":")[0] in {"right", "error", "mended", "wrong"}, (
            operation,
            found,
        )
        if outcome.startswith("error"):
            assert "harness repair" in outcome, found
    if found["search"] == "wrong":
        # Only what a disk changed by itself can be searched once more before it is noticed.
        assert keep_time, found
        assert found["doctor"].startswith("error"), found
    if not found["doctor"].startswith("error"):
        # The file does not matter, or the engine makes it again.
        assert (found["search"], found["backup"], found["index"]) == ("right",) * 3, found
    else:
        assert found["backup"].startswith("error"), found
        assert found["index"].startswith("mended"), found
    assert found["again"] == "right", found


def test_an_index_that_is_whole_is_called_so(index: Index) -> None:
    assert set(outcomes(index, 60).values()) == {"right"}


@pytest.mark.parametrize(("file", "how", "keep_time"), SHORT)
def test_damage_is_found_and_mended(index: Index, file: str, how: str, keep_time: bool) -> None:
    damage(index, files_of(index)[file], how, keep_time=keep_time)
    judge(outcomes(index, 60), keep_time)


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("keep_time", [False, True], ids=["written", "rotten"])
@pytest.mark.parametrize("how", DAMAGES)
def test_every_file(whole: Index, tmp_path: Path, how: str, keep_time: bool) -> None:
    files = list(files_of(whole).items())
    # All of them take an hour for each kind of damage; fewer rounds take every so many of them.
    some = files[:: max(1, round(50 / ROUNDS))]
    for number, (kind, file) in enumerate(some):
        copy = whole.copy(tmp_path / str(number))
        damage(copy, file, how, keep_time=keep_time)
        found = outcomes(copy, 60)
        remove(copy)
        try:
            judge(found, keep_time)
        except AssertionError as error:
            raise AssertionError(f"{kind} {how}: {error}") from None
