"""SIGKILL at random moments: of index runs, of writers, of repairs, of backups, of the server that
has the index. Whatever the moment, the index is the old or the new one file by file, says which,
and the next run ends it."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.faults import victims
from tests.faults.children import HANG_SECONDS, OutsideTreeError, call, killed, start, timed
from tests.faults.damage import DAMAGES
from tests.faults.oracle import fresh, judge_interrupted, judge_whole
from tests.faults.rounds import in_places, rounds
from tests.faults.stores import NewIndex, collections, is_on_server, on_server, real_server
from tests.faults.trees import Tree


@in_places(edge=3, server=1)
def test_an_index_run(tmp_path: Path, new_index: NewIndex, kills: int) -> None:
    chance = random.Random(kills)
    tree = Tree.make(tmp_path / "tree", seed=kills)
    data = new_index(tmp_path / "data")
    seconds = call(victims.index, data, tree.root).seconds
    old = call(victims.look, data)
    at_work = 0
    for _ in range(kills):
        changed = tree.change()
        new = fresh(tree.root, tmp_path / "fresh")
        shutil.rmtree(tmp_path / "fresh")
        at_work += killed(chance.uniform(0, seconds), victims.index, data, tree.root)
        judge_interrupted(call(victims.look, data), old, new, changed)
        seconds = call(victims.index, data, tree.root).seconds
        old = call(victims.look, data)
        judge_whole(old, new)
    assert at_work, "no kill came before the end of its run"


@in_places(edge=1, server=0)
def test_the_first_run(tmp_path: Path, new_index: NewIndex, kills: int) -> None:
    """Of a new index: nothing that is found before its end is called complete."""
    chance = random.Random(kills)
    tree = Tree.make(tmp_path / "tree", seed=kills)
    undisturbed = new_index(tmp_path / "fresh")
    seconds = call(victims.index, undisturbed, tree.root).seconds
    new = call(victims.look, undisturbed)
    for number in range(kills):
        data = new_index(tmp_path / f"data-{number}")
        waits = 0.0
        for _ in range(2):  # the second one resumes what the first one left
            after = chance.uniform(waits, waits + seconds)
            if killed(after, victims.index, data, tree.root) and is_on_server(data):
                waits = victims.LEASE_SECONDS
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


@in_places(edge=1, qdrant=0)
def test_a_backup(tmp_path: Path, new_index: NewIndex, kills: int) -> None:
    """The index is untouched, and the next backup is made."""
    chance = random.Random(kills)
    tree = Tree.make(tmp_path / "tree", seed=kills)
    data, folder = new_index(tmp_path / "data"), tmp_path / "backups"
    call(victims.index, data, tree.root)
    whole = call(victims.look, data)
    _, seconds = timed(victims.back_up, data, folder)
    for _ in range(kills):
        killed(chance.uniform(0, seconds), victims.back_up, data, folder)
        judge_whole(call(victims.look, data), whole)
    assert call(victims.back_up, data, folder) == whole.chunks.total()


@in_places(edge=1, server=0)
def test_a_change_of_model(tmp_path: Path, new_index: NewIndex, kills: int) -> None:
    """Forward to an index of another fingerprint, as an update of Harness makes it, and back: until
    the new one is complete, searches have the old one, whole."""
    chance = random.Random(kills)
    tree = Tree.make(tmp_path / "tree", seed=kills)
    data = new_index(tmp_path / "data")
    seconds = call(victims.index, data, tree.root).seconds
    undisturbed = len(collections(data))
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
    assert len(collections(data)) == undisturbed, "the other one is still there"


@pytest.mark.parametrize("kills", rounds(0))
def test_the_server_of_an_index(tmp_path: Path, kills: int) -> None:
    """Killed under an index run, and started again at once, or when the run has given up."""
    chance = random.Random(kills)
    tree = Tree.make(tmp_path / "tree", seed=kills)
    with real_server(tmp_path / "server") as server:
        data = on_server(server.options)(tmp_path / "data")
        seconds = call(victims.index, data, tree.root).seconds
        old = call(victims.look, data)
        for number in range(kills):
            changed = tree.change()
            new = fresh(tree.root, tmp_path / "fresh")
            shutil.rmtree(tmp_path / "fresh")
            child, answer = start(victims.index, data, tree.root)
            time.sleep(chance.uniform(0, seconds))
            server.kill()
            if number % 2:
                server.start()
            assert answer.poll(HANG_SECONDS), "the run hangs"
            kind, found = answer.recv()
            child.join()
            answer.close()
            assert kind in {"value", "error"}, found
            if not number % 2:
                server.start()
            judge_interrupted(call(victims.look, data), old, new, changed)
            call(victims.index, data, tree.root)
            old = call(victims.look, data)
            judge_whole(old, new)
