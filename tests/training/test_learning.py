"""The gradient is the loss's own, and learning brings questions to their passages."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the extra `training` is not installed")

from scipy.sparse import csr_matrix

from training import learning
from training.encoding import Encoded
from training.learning import Learner, Options

ROWS, SIZE = 12, 4


def _batch(seed: int) -> csr_matrix:
    chance = np.random.default_rng(seed)
    dense = chance.random((SIZE, ROWS)) * (chance.random((SIZE, ROWS)) < 0.5)
    dense[:, 0] += 0.1
    return csr_matrix(dense.astype(np.float64))


def _loss(learner: Learner, queries: csr_matrix, passages: csr_matrix) -> float:
    weighted = learner.table * np.exp(learner.log_weights)[:, None]
    unit_queries, _ = learning._unit(queries @ weighted)
    unit_passages, _ = learning._unit(passages @ learner.table)
    logits = unit_queries @ unit_passages.T / learner.options.temperature
    return learning._info_nce(logits)[0]


def test_a_step_follows_the_slope_of_the_loss() -> None:
    queries, passages = _batch(1), _batch(2)
    learner = Learner(ROWS, Options(dimension=3, temperature=0.5))
    learner.table = learner.table.astype(np.float64)
    learner.log_weights = learner.log_weights.astype(np.float64)
    seen: list[np.ndarray] = []

    def keep(columns: np.ndarray, to_table: np.ndarray, to_weights: np.ndarray) -> None:
        full, weights = np.zeros_like(learner.table), np.zeros_like(learner.log_weights)
        full[columns], weights[columns] = to_table, to_weights
        seen.extend([full, weights])

    learner._adam = keep  # type: ignore[method-assign]
    none = np.zeros((SIZE, SIZE), dtype=bool)
    learner.step(queries, passages, none)
    step = 1e-6
    for array, slope in zip((learner.table, learner.log_weights), seen, strict=True):
        for place in [(0, 0), (3, 1), (7, 2)] if array.ndim == 2 else [(0,), (3,), (7,)]:
            before = array[place]
            array[place] = before + step
            above = _loss(learner, queries, passages)
            array[place] = before - step
            below = _loss(learner, queries, passages)
            array[place] = before
            assert slope[place] == pytest.approx((above - below) / (2 * step), abs=1e-5)


def _encoded(columns: list[list[int]]) -> Encoded:
    starts = np.cumsum([0, *map(len, columns)])
    flat = np.array([column for text in columns for column in text], dtype=np.int32)
    return Encoded(starts, flat, np.ones(len(flat), dtype=np.float32))


def test_questions_come_to_their_passages() -> None:
    # Question i has the term i, its passage the term i + 8; nothing is shared.
    queries = _encoded([[number] for number in range(8)])
    passages = _encoded([[number + 8] for number in range(8)])
    numbers = np.arange(8)
    options = Options(dimension=8, steps=150, batch=8, together=4, rate=0.05)
    learner = learning.learn(
        queries, passages, numbers // 4, (numbers, numbers), rows=16, options=options
    )
    model = learning.packed(learner, list(range(10)), "small")
    rows = model.rows * model.scales[:, None]
    assert (np.argmax(rows[:8] @ rows[8:].T, axis=1) == numbers).all()
    assert model.buckets == 6


def test_a_batch_takes_runs_of_one_release() -> None:
    groups = np.repeat(np.arange(10), 64)
    batch = next(learning.batches(groups, Options(batch=128, together=32)))
    assert len(set(batch.tolist())) == 128
    assert all(len(set(groups[batch[at : at + 32]])) == 1 for at in range(0, 128, 32))


def test_what_a_step_does_not_see_is_left_to_chance_and_the_last_tables_are_averaged() -> None:
    def encoded(first: int) -> Encoded:
        columns = np.arange(first, first + 8, dtype=np.int32)
        return Encoded(np.arange(9), columns, np.ones(8, dtype=np.float32))

    def learned(**chosen: float) -> tuple[np.ndarray, list[np.ndarray]]:
        tables: list[np.ndarray] = []
        numbers = np.arange(8)
        learner = learning.learn(
            encoded(0), encoded(8), numbers // 4, (numbers, numbers), 16,
            Options(dimension=4, steps=20, batch=8, together=4, **chosen),  # type: ignore[arg-type]
            lambda step, one: tables.append(one.table.copy()),
        )  # fmt: skip
        return learner.table, tables

    last, tables = learned(averaged=0.0, left_out=0.0)
    assert (last == tables[-1]).all()
    mean, tables = learned(averaged=0.5, left_out=0.0)
    assert mean == pytest.approx(np.mean([tables[10], tables[14], tables[19]], axis=0), abs=1e-6)
    half, _ = learned(averaged=0.0, left_out=0.5)
    assert (half != last).any()
    assert (half == learned(averaged=0.0, left_out=0.5)[0]).all(), "the same for a seed"
