"""Weights are found from what they explain, and judged by what they were not learned from."""

from __future__ import annotations

import numpy as np
import pytest

from harness.search.features import FEATURES
from harness.search.file_ranking import FILE_FEATURES
from training import matching, weighing
from training.candidates import FOREIGN, Asked

NAMES, TEXT, VENDOR = (FEATURES.index(n) for n in ("names say it", "text says it", "is vendor"))


def release(seed: int, against: int | None = None, questions: int = 30) -> list[Asked]:
    """Questions whose answer is drawn by the softmax of 4 · names + 1 · text."""
    chance = np.random.default_rng(seed)
    asked = []
    for number in range(questions):
        rows = np.zeros((12, len(FEATURES)), np.float32)
        rows[:, NAMES] = chance.random(12)
        rows[:, TEXT] = chance.random(12)
        odds = np.exp(4 * rows[:, NAMES] + (against or 1) * rows[:, TEXT])
        answers = np.zeros(12, dtype=bool)
        answers[chance.choice(12, p=odds / odds.sum())] = True
        files = np.arange(12, dtype=np.int32)
        asked.append(Asked("description", f"{seed} {number}", 3, 1.0, rows, answers, files))
    return asked


def test_weights_are_those_that_chose_the_answers() -> None:
    weights = weighing.learn([release(seed) for seed in range(12)])
    assert weights[NAMES] == pytest.approx(4, abs=0.7)
    assert weights[TEXT] == pytest.approx(1, abs=0.7)


def test_what_no_release_has_keeps_what_is_expected_of_it() -> None:
    weights = weighing.learn([release(1)])
    assert weights[VENDOR] == pytest.approx(weighing.EXPECTED[VENDOR])
    assert weights[VENDOR] < 0


def test_what_speaks_for_a_candidate_never_counts_against_it() -> None:
    weights = weighing.learn([release(seed, against=-3) for seed in range(4)])
    assert weights[TEXT] == weighing.LEAST
    assert weights[NAMES] > 1


def test_a_release_is_judged_by_weights_that_it_had_no_part_in() -> None:
    odd, others = release(0, against=-6, questions=60), [release(seed) for seed in range(1, 5)]
    asked, learned = weighing.without_each([odd, *others], 5)
    assert [one.query for one in asked[:60]] == [one.query for one in odd]
    assert learned[0].passages == pytest.approx(weighing.learn(others), abs=0.02)
    quality = weighing.measure(asked, learned)["description"]
    assert quality.questions == 180
    assert 0 < quality.reciprocal_rank < quality.file_ndcg < 1


def asked_for_short_files(seed: int, questions: int, lines: float) -> list[Asked]:
    """Questions whose file is drawn by the softmax of its last line, times a weight."""
    chance = np.random.default_rng(seed)
    last = FEATURES.index("file's last line")
    asked = []
    for number in range(questions):
        rows = np.zeros((12, len(FEATURES)), np.float32)
        files = np.repeat(np.arange(6, dtype=np.int32), 2)
        rows[:, last] = chance.random(6)[files]
        odds = np.exp(lines * rows[::2, last])
        answers = files == chance.choice(6, p=odds / odds.sum())
        asked.append(Asked("topic", str(number), 2, 1.0, rows, answers, files))
    return asked


LINES = [n for n, name in enumerate(FILE_FEATURES) if "last line" in name]


def test_a_file_is_chosen_by_what_tells_files_apart() -> None:
    learned = weighing.learn_both([asked_for_short_files(seed, 30, -6) for seed in (5, 6)])
    assert learned.passages[FEATURES.index("file's last line")] == 0.0
    assert learned.files[LINES].sum() < -2


def test_what_people_asked_for_decides_where_releases_say_little() -> None:
    people = [asked_for_short_files(seed, 30, -6) for seed in (5, 6)]
    releases = [asked_for_short_files(7, 12, 3)]
    alone = weighing.learn_both(releases).files[LINES].sum()
    together = weighing.learn_both(releases, people).files[LINES].sum()
    assert together < -1.5 < 0 < alone


def test_the_name_that_is_asked_for_must_not_be_missing() -> None:
    lacks = FEATURES.index("lacks the name")
    assert weighing.learn([release(1)])[lacks] == -3.0


def test_questions_about_other_code_are_told_apart() -> None:
    own = release(1)
    foreign = [
        Asked(FOREIGN, one.query, 3, 1.0, one.rows * 0.1, np.zeros(12, dtype=bool), one.files)
        for one in release(2)
    ]
    asked = [*own, *foreign]
    learned = [weighing.learn_both([own])] * len(asked)
    weights = matching.learn_match(asked, learned)
    signs, right = matching.signs_of(asked, learned)
    said = 1 / (1 + np.exp(-signs @ np.array(list(weights.values()))))
    assert said[:30].min() > said[30:].max()
    assert right[30:].max() == 0
    assert said.mean() == pytest.approx(right.mean(), abs=0.02)  # calibrated
