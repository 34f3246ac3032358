"""NDCG@10 against values worked out by hand, its bounds, and the reading of labels."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.search.evaluation import LabelledQuery, ndcg_at_10, read_labels

PATHS = st.sampled_from([f"{letter}.py" for letter in "abcdefghijklmnop"])


@pytest.mark.parametrize(
    ("ranked", "targets", "expected"),
    [
        pytest.param(["a"], ["a"], 1.0, id="first"),
        pytest.param(["b", "a"], ["a"], 1 / math.log2(3), id="second"),
        pytest.param(["b", "b", "a"], ["a"], 0.5, id="repeats use up ranks"),
        pytest.param(["a", "a", "a"], ["a"], 1.0, id="repeats gain nothing"),
        pytest.param(["a"], ["a", "b"], 1 / (1 + 1 / math.log2(3)), id="one of two"),
        pytest.param(["x"] * 10 + ["a"], ["a"], 0.0, id="too deep"),
        pytest.param([], ["a"], 0.0, id="nothing found"),
        pytest.param(["a"], [], 1.0, id="nothing wanted"),
        pytest.param(["a"], ["a", "a"], 1.0, id="a target named twice"),
    ],
)
def test_ndcg_by_hand(ranked: list[str], targets: list[str], expected: float) -> None:
    assert ndcg_at_10(ranked, targets) == pytest.approx(expected)


@given(ranked=st.lists(PATHS, max_size=20), targets=st.sets(PATHS, min_size=1))
def test_ndcg_is_bounded_and_ignores_what_follows(ranked: list[str], targets: set[str]) -> None:
    value = ndcg_at_10(ranked, targets)
    assert 0.0 <= value <= 1.0 + 1e-9
    assert value == ndcg_at_10(ranked[:10], targets)


@given(targets=st.sets(PATHS, min_size=1))
def test_all_targets_first_is_perfect(targets: set[str]) -> None:
    assert ndcg_at_10([*targets, "zzz.py"], targets) == pytest.approx(1.0)


def test_labels_of_both_forms(tmp_path: Path) -> None:
    file = tmp_path / "labels.json"
    entry = {"query": "q", "relevant": [{"path": "a.py", "start_line": 1}], "secondary": ["b.py"]}
    file.write_text(json.dumps([entry, {"query": "r", "relevant": ["a.py", "a.py"]}]))
    assert read_labels(file) == [
        LabelledQuery("q", ("a.py", "b.py")),
        LabelledQuery("r", ("a.py",)),
    ]


@pytest.mark.parametrize("text", ["", "{}x", '[{"query": "q"}]', "[1]", '"text"'])
def test_other_forms_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "labels.json"
    file.write_text(text)
    with pytest.raises(UsageError, match="labelled queries"):
        read_labels(file)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.json cannot be read: No such file"):
        read_labels(tmp_path / "none.json")
