"""SIGKILL at random moments: of index runs, of writers, of repairs, of backups. Whatever the
moment, the index is the old or the new one file by file, says which, and the next run ends it."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.faults import victims
from tests.faults.children import OutsideTreeError, call, killed, timed
from tests.faults.damage import DAMAGES
from tests.faults.oracle import fresh, judge_interrupted, judge_whole
from tests.faults.rounds import rounds
from tests.faults.trees import Tree


@pytest.mark.parametrize("kills", rounds(4))
def test_an_index_run(tmp_path: Path, kills: int) -> None:
    chance = random.Random(kills)
    tree = Tree.make(tmp_path / "tree", seed=kills)
    data = tmp_path / "data"
    _, seconds = timed(victims.index, data, tree.root)
    old = call(victims.look, data)
    at_work = 0
    for _ in range(kills):
        changed = tree.change()
        new = fresh(tree.root, tmp_path / "fresh")
        shutil.rmtree(tmp_path / "fresh")
        at_work += killed(chance.uniform(0, seconds), victims.index, data, tree.root)
        judge_interrupted(call(victims.look, data), old, new, changed)
        _, seconds = timed(victims.index, data, tree.root)
        old = call(victims.look, data)
        judge_whole(old, new)
    assert at_work, "no kill came before the end of its run"


@pytest.mark.parametrize("kills", rounds(1))
def test_the_first_run(tmp_path: Path, kills: int) -> None:
    """Of a new index: nothing that is found before its end is called complete."""
    chance = random.Random(kills)
    tree = Tree.make(tmp_path / "tree", seed=kills)
    _, seconds = timed(victims.index, tmp_path / "fresh", tree.root)
    new = call(victims.look, tmp_path / "fresh")
    for number in range(kills):
        data = tmp_path / f"data-{number}"
        for _ in range(2):  # the second one resumes what the first one left
            killed(chance.uniform(0, seconds), victims.index, data, tree.root)
            found = call(victims.look, data)
            assert found.doctor == (), found.doctor
            assert found.chunks <= new.chunks
            assert found.unfinished or found.chunks == new.chunks
        call(victims.index, data, tree.root)
        judge_whole(call(victims.look, data), new)
        shutil.rmtree(data)


def _damaged(base: Path, data: Path) -> None:
    """A copy, with its holes and times, of which a file is damaged."""
    subprocess.run(["cp", "-a", "--sparse=always", base, data], check=True)
    (pages,) = data.glob("index/harness-*/segments/*/payload_index/*-repo-map/page_0.dat")
    DAMAGES["garbage"](pages)


@pytest.mark.parametrize("kills", rounds(1))
def test_a_repair(tmp_path: Path, kills: int) -> None:
    """A collection is called damaged until it is mended, and never looks whole with chunks gone."""
    chance = random.Random(kills)
    tree = Tree.make(tmp_path / "tree", seed=kills)
    base = tmp_path / "base"
    call(victims.index, base, tree.root)
    whole = call(victims.look, base)
    _damaged(base, tmp_path / "first")
    _, seconds = timed(victims.repair, tmp_path / "first")
    for number in range(kills):
        data = tmp_path / f"data-{number}"
        _damaged(base, data)
        killed(chance.uniform(0, seconds), victims.repair, data)
        found = call(victims.look, data)
        assert found.damaged or found.chunks == whole.chunks, "chunks are missing without a word"
        assert bool(found.doctor) == found.damaged, found
        call(victims.index, data, tree.root)
        judge_whole(call(victims.look, data), whole)
        shutil.rmtree(data)


def test_a_repair_while_it_fills_the_new_shard(tmp_path: Path) -> None:
    """The moment that chance seldom meets."""
    tree = Tree.make(tmp_path / "tree", seed=1, files=3)
    base, data = tmp_path / "base", tmp_path / "data"
    call(victims.index, base, tree.root)
    whole = call(victims.look, base)
    _damaged(base, data)
    with pytest.raises(OutsideTreeError, match="died: -9"):
        call(victims.repair_until_killed, data)
    assert call(victims.look, data).damaged
    assert call(victims.repair, data) == 1
    judge_whole(call(victims.look, data), whole)


@pytest.mark.parametrize("kills", rounds(1))
def test_a_backup(tmp_path: Path, kills: int) -> None:
    """The index is untouched, and the next backup is made."""
    chance = random.Random(kills)
    tree = Tree.make(tmp_path / "tree", seed=kills)
    data, folder = tmp_path / "data", tmp_path / "backups"
    call(victims.index, data, tree.root)
    whole = call(victims.look, data)
    _, seconds = timed(victims.back_up, data, folder)
    for _ in range(kills):
        killed(chance.uniform(0, seconds), victims.back_up, data, folder)
        judge_whole(call(victims.look, data), whole)
    assert call(victims.back_up, data, folder) == whole.chunks.total()


@pytest.mark.parametrize("kills", rounds(1))
def test_a_change_of_model(tmp_path: Path, kills: int) -> None:
    """Forward to an index of another fingerprint, as an update of Harness makes it, and back: until
    the new one is complete, searches have the old one, whole."""
    chance = random.Random(kills)
    tree = Tree.make(tmp_path / "tree", seed=kills)
    data = tmp_path / "data"
    _, seconds = timed(victims.index, data, tree.root)
    whole = call(victims.look, data)
    models = ["hash", "other"]
    for _ in range(kills):
        for before, after in (models, models[::-1]):
            if killed(chance.uniform(0, seconds), victims.index, data, tree.root, after):
                found = call(victims.look, data, before)
                if found.doctor:  # it was killed after its end
                    found = call(victims.look, data, after)
                assert found.doctor == ()
                assert found.chunks == whole.chunks, "in between there is less"
                assert len(found.hits) == len(whole.hits)
            call(victims.index, data, tree.root, after)
            judge_whole(call(victims.look, data, after), whole)
    folders = [path for path in (data / "index").glob("harness-*") if path.is_dir()]
    assert len(folders) == 1, "the other one is still there"
