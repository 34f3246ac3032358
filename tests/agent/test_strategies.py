"""Which way of working a model gets."""

from __future__ import annotations

import pytest

from harness.agent.strategies import billions_of, choose_strategy
from harness.models.conversation import ModelInfo


def info(name: str, size: int = 0) -> ModelInfo:
    return ModelInfo(name, "", size, 8192, frozenset())


@pytest.mark.parametrize(
    ("model", "billions"),
    [
        (info("qwen2.5-coder:1.5b"), 1.5),
        (info("qwen2.5-coder:7b-instruct-q4_K_M"), 7.0),
        (info("mixtral:8x7b"), 7.0),
        (info("codestral:latest", 12_569_170_041), 20.3),
        (info("scripted"), 0.0),
    ],
)
def test_size(model: ModelInfo, billions: float) -> None:
    assert billions_of(model) == billions


@pytest.mark.parametrize(
    ("wanted", "model", "verify", "first", "escalates"),
    [
        ("auto", info("x:3b"), "make", "localise", True),
        ("auto", info("x:32b"), "make", "loop", True),
        ("auto", info("x"), "make", "loop", True),
        ("auto", info("x:3b"), None, "loop", False),
        ("localise", info("x:70b"), "make", "localise", False),
        ("localise", info("x:3b"), None, "loop", False),
        ("loop", info("x:3b"), "make", "loop", False),
    ],
)
def test_choice(wanted, model, verify, first, escalates) -> None:  # type: ignore[no-untyped-def]
    strategy = choose_strategy(wanted, model, verify)
    assert (strategy.first, strategy.escalates) == (first, escalates)
    assert strategy.reason
