"""Learns the table: questions near the passages that answer them, far from the others.

The loss is InfoNCE (van den Oord et al. 2018) in both directions within a batch. A batch takes many
pairs of one release together, whose passages are hard to tell apart.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from harness.models.static.model_file import StaticModel
from harness.models.static.terms import VERSION
from training.encoding import Encoded

logger = logging.getLogger(__name__)

_Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Options:
    """How to learn. ``together`` pairs of one release are side by side in a batch; ``left_out`` is
    the share of a text's terms that a step does not see, so that no single one decides
    (Srivastava et al. 2014); the table is the mean of the ``averaged`` last share of the steps
    (Polyak and Juditsky 1992)."""

    dimension: int = 256
    steps: int = 1200
    batch: int = 2048
    together: int = 32
    temperature: float = 0.05
    rate: float = 0.01
    left_out: float = 0.1
    averaged: float = 0.2
    seed: int = 1


class _Mean:
    """The mean of a table over some steps."""

    def __init__(self, learner: Learner) -> None:
        self._table = learner.table.astype(np.float64)
        self._log_weights = learner.log_weights.astype(np.float64)
        self._steps = 1

    def add(self, learner: Learner) -> None:
        self._table += learner.table
        self._log_weights += learner.log_weights
        self._steps += 1

    def put_into(self, learner: Learner) -> None:
        learner.table = (self._table / self._steps).astype(np.float32)
        learner.log_weights = (self._log_weights / self._steps).astype(np.float32)


_AVERAGED_EVERY = 5
"""Steps; those in between hardly differ."""


class Learner:
    """The table and what Adam (Kingma and Ba 2015) remembers of each row.

    :param rows: of the table.
    :param options: how to learn.
    """

    def __init__(self, rows: int, options: Options) -> None:
        chance = np.random.default_rng(options.seed)
        size = (rows, options.dimension)
        self.options = options
        self.table: _Floats = (chance.standard_normal(size) * 0.1).astype(np.float32)
        self.log_weights: _Floats = np.zeros(rows, dtype=np.float32)
        self._first: _Floats = np.zeros(size, dtype=np.float32)
        self._second: _Floats = np.zeros(size, dtype=np.float32)
        self._weights_first: _Floats = np.zeros(rows, dtype=np.float32)
        self._weights_second: _Floats = np.zeros(rows, dtype=np.float32)
        self._step = 0

    def step(
        self, queries: csr_matrix, passages: csr_matrix, clashes: npt.NDArray[np.bool_]
    ) -> float:
        """Learn from one batch; returns the loss.

        :param queries: ``(batch, rows)``.
        :param passages: ``(batch, rows)``; row ``i`` answers query ``i``.
        :param clashes: ``(batch, batch)``: pairs that are no negatives, since query or passage are
            the same.
        """
        columns, queries, passages = _used(queries, passages)
        table, importance = self.table[columns], np.exp(self.log_weights[columns])
        raw_queries = queries @ (table * importance[:, None])
        raw_passages = passages @ table
        unit_queries, query_norms = _unit(raw_queries)
        unit_passages, passage_norms = _unit(raw_passages)
        logits = unit_queries @ unit_passages.T / self.options.temperature
        logits[clashes] = -1e4
        loss, slope = _info_nce(logits)
        slope /= self.options.temperature
        to_queries = _through_unit(slope @ unit_passages, unit_queries, query_norms)
        to_passages = _through_unit(slope.T @ unit_queries, unit_passages, passage_norms)
        to_weighted = queries.T @ to_queries
        to_table = to_weighted * importance[:, None] + passages.T @ to_passages
        to_weights = (to_weighted * table).sum(axis=1) * importance
        self._adam(columns, to_table, to_weights)
        return loss

    def _adam(self, columns: npt.NDArray[np.intp], to_table: _Floats, to_weights: _Floats) -> None:
        self._step += 1
        left = 1.0 - self._step / (self.options.steps + 1)
        rate = self.options.rate * min(1.0, self._step / 30) * left
        scale = rate * (1 - 0.999**self._step) ** 0.5 / (1 - 0.9**self._step)
        first = self._first[columns] * 0.9 + 0.1 * to_table
        second = self._second[columns] * 0.999 + 0.001 * to_table**2
        self._first[columns], self._second[columns] = first, second
        self.table[columns] -= scale * first / (np.sqrt(second) + 1e-8)
        first = self._weights_first[columns] * 0.9 + 0.1 * to_weights
        second = self._weights_second[columns] * 0.999 + 0.001 * to_weights**2
        self._weights_first[columns], self._weights_second[columns] = first, second
        self.log_weights[columns] -= scale * first / (np.sqrt(second) + 1e-8)


def _used(
    queries: csr_matrix, passages: csr_matrix
) -> tuple[npt.NDArray[np.intp], csr_matrix, csr_matrix]:
    """The table's rows that a batch uses, and the batch with just these as columns."""
    columns, places = np.unique(
        np.concatenate((queries.indices, passages.indices)), return_inverse=True
    )
    cut = len(queries.indices)

    def narrowed(matrix: csr_matrix, at: npt.NDArray[np.intp]) -> csr_matrix:
        shape = (matrix.shape[0], len(columns))
        return csr_matrix((matrix.data, at.astype(np.int32), matrix.indptr), shape=shape)

    return columns, narrowed(queries, places[:cut]), narrowed(passages, places[cut:])


def _unit(vectors: _Floats) -> tuple[_Floats, _Floats]:
    norms = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    return vectors / norms, norms


def _through_unit(slope: _Floats, unit: _Floats, norms: _Floats) -> _Floats:
    """The gradient before normalisation."""
    return (slope - unit * (slope * unit).sum(axis=1, keepdims=True)) / norms


def _info_nce(logits: _Floats) -> tuple[float, _Floats]:
    """Loss, the mean of both directions, and its gradient by the logits."""
    by_query = _softmax(logits, 1)
    by_passage = _softmax(logits, 0)
    own = np.arange(len(logits))
    hits = by_query[own, own], by_passage[own, own]
    loss = -float(np.mean(np.log(hits[0] + 1e-12)) + np.mean(np.log(hits[1] + 1e-12))) / 2
    slope = by_query + by_passage
    slope[own, own] -= 2.0
    slope /= 2 * len(logits)
    return loss, slope


def _softmax(logits: _Floats, axis: int) -> _Floats:
    shifted = np.exp(logits - logits.max(axis=axis, keepdims=True))
    result: _Floats = shifted / shifted.sum(axis=axis, keepdims=True)
    return result


def learn(
    queries: Encoded,
    passages: Encoded,
    groups: npt.NDArray[np.int64],
    texts: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    rows: int,
    options: Options,
    on_step: Callable[[int, Learner], None] = lambda step, learner: None,
) -> Learner:
    """Train a table.

    :param queries: encoded questions.
    :param passages: the passage of each.
    :param groups: ``(n,)``, the release that each is from.
    :param texts: ``(n,)`` each, what tells equal questions and equal passages.
    :param rows: of the table.
    :param options: how to learn.
    :param on_step: told after every step.
    """
    learner = Learner(rows, options)
    runs = batches(groups, options)
    began = time.monotonic()
    losses: list[float] = []
    chance = np.random.default_rng(options.seed + 6)
    mean: _Mean | None = None
    for step in range(1, options.steps + 1):
        chosen = next(runs)
        same = [code[chosen][:, None] == code[chosen][None, :] for code in texts]
        clashes = same[0] | same[1]
        np.fill_diagonal(clashes, False)
        seen = [_picked(texts, chosen, rows) for texts in (queries, passages)]
        for matrix in seen:
            matrix.data *= chance.random(len(matrix.data)) >= options.left_out
        losses.append(learner.step(seen[0], seen[1], clashes))
        if step % 50 == 0:
            loss = float(np.mean(losses[-50:]))
            logger.info("step %d: loss %.3f, %.0f s", step, loss, time.monotonic() - began)
        if step > options.steps * (1 - options.averaged):
            if mean is None:
                mean = _Mean(learner)
            elif step % _AVERAGED_EVERY == 0:
                mean.add(learner)
        on_step(step, learner)
    if mean is not None:
        mean.put_into(learner)
    return learner


def batches(groups: npt.NDArray[np.int64], options: Options):  # type: ignore[no-untyped-def]
    """Endlessly, the places of a batch's examples: runs of one release, in an order of chance.

    :param groups: ``(n,)``, the release that each example is from.
    :param options: sizes and seed.
    """
    chance = np.random.default_rng(options.seed + 1)
    by_group = np.argsort(groups, kind="stable")
    borders = np.flatnonzero(np.diff(groups[by_group])) + 1
    members = np.split(by_group, borders)
    while True:
        runs: list[npt.NDArray[np.intp]] = []
        for one in members:
            shuffled = chance.permutation(one)
            runs += [
                shuffled[at : at + options.together]
                for at in range(0, len(shuffled), options.together)
            ]
        order = chance.permutation(len(runs))
        waiting: list[npt.NDArray[np.intp]] = []
        size = 0
        for place in order:
            waiting.append(runs[place])
            size += len(runs[place])
            if size >= options.batch:
                yield np.concatenate(waiting)[: options.batch]
                waiting, size = [], 0


def _picked(texts: Encoded, chosen: npt.NDArray[np.intp], rows: int) -> csr_matrix:
    lengths = texts.starts[chosen + 1] - texts.starts[chosen]
    starts = np.concatenate(([0], np.cumsum(lengths)))
    places = np.repeat(texts.starts[chosen] - starts[:-1], lengths) + np.arange(starts[-1])
    return csr_matrix(
        (texts.weights[places], texts.columns[places], starts), shape=(len(chosen), rows)
    )


def packed(learner: Learner, hashes: Sequence[int], name: str) -> StaticModel:
    """The table with its rows as int8, each with a scale of its own.

    :param learner: what was learned.
    :param hashes: of the known terms, ascending.
    :param name: of the model.
    """
    table = learner.table
    scales = np.maximum(np.abs(table).max(axis=1), 1e-9) / 127.0
    return StaticModel(
        name=name,
        tokenizer=VERSION,
        hashes=np.array(hashes, dtype=np.uint32),
        scales=scales.astype(np.float32),
        weights=np.exp(learner.log_weights).astype(np.float16),
        rows=np.rint(table / scales[:, None]).astype(np.int8),
        seed=learner.options.seed,
    )
