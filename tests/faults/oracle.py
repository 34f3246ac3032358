"""What an index may look like, whatever happened to it: lost, duplicated, stale and wrong states
are each an assertion here."""

from __future__ import annotations

from pathlib import Path

from tests.faults import victims
from tests.faults.children import call
from tests.faults.victims import Contents


def fresh(source: Path, folder: Path) -> Contents:
    """What an index that was never disturbed holds of a tree."""
    call(victims.index, folder, source)
    found: Contents = call(victims.look, folder)
    assert found.chunks and found.hits and found.doctor == (), found
    return found


def judge_interrupted(found: Contents, old: Contents, new: Contents, changed: set[str]) -> None:
    """Whatever moment the change from ``old`` to ``new`` was cut at.

    :param changed: paths of the files that differ.
    """
    assert not found.damaged, "called damaged, and nothing is"
    assert found.doctor == (), found.doctor
    paths = {row[0] for row in (*found.chunks, *old.chunks, *new.chunks)}
    for path in sorted(paths):
        here, before, after = found.of(path), old.of(path), new.of(path)
        assert max(here.values(), default=1) == 1, f"{path}: duplicated"
        if path not in changed:
            assert here == before, f"{path}: did not change, but its chunks did"
        else:
            # The new ones are there before the old ones go.
            assert not before or not after or here >= before or here >= after, f"{path}: lost"
            assert here.keys() <= before.keys() | after.keys(), f"{path}: neither old nor new"
    if not found.unfinished:
        assert found.chunks in (old.chunks, new.chunks), "called finished"
        assert found.said == found.chunks.total(), "the count is wrong"
    for hit in found.hits:
        assert hit[0] in paths, hit


def judge_whole(found: Contents, new: Contents) -> None:
    """After the next index run: as a fresh index, in every respect."""
    assert not found.damaged
    assert found.doctor == new.doctor, found.doctor
    lost, strays = new.chunks - found.chunks, found.chunks - new.chunks
    assert not lost, f"lost: {sorted(lost)[:3]}"
    assert not strays, f"stale or duplicated: {sorted(strays)[:3]}"
    # Not their order: a renamed file keeps the vectors of its first name, and deleted points count
    # in the weights of words until the engine packs its segments.
    assert len(found.hits) == len(new.hits), "searches find less"
    places = {(path, start, end, text) for path, start, end, _, text in new.chunks}
    assert set(found.hits) <= places, "searches find what is gone"
    assert not found.unfinished
    assert (found.said, found.commit) == (new.said, new.commit)
