"""Outputs of real runners, reduced to what failed and why.

The samples are real runs, Maven's and Gradle's are written after such.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from harness.agent.verification.reduction import MAX_CHARS, failures_in, reduced
from harness.agent.verification.runners import runner_of

SAMPLES = Path(__file__).parent / "samples"
# What a model has to see, and what would only cost it time.
WANTED = {
    "pytest": (["assert '1 Bytes' == '1 Byte'", "tests/test_filesize.py:87"], ["plugins:"]),
    "unittest": (["FAIL: test_add", "AssertionError: -1 != 5", 'calc.py", line 9'], ["Ran 12"]),
    "go": (["calc_test.go:12: Add(2, 3) = -1, want 5", "--- FAIL: TestAdd"], []),
    "cargo": (["left: -1", "right: 5", "src/lib.rs:14:9"], ["Compiling", "... ok", "/rustc/"]),
    "cargo-compile": (["error[E0308]: mismatched types", "src/lib.rs:2:5"], ["Compiling"]),
    "jest": (["● add › adds", "Expected: 5", "Received: -1"], ["Snapshots:", "✓ other"]),
    "tsc": (["src/a.ts(3,7): error TS2322", "src/a.ts(4,41): error TS2339"], []),
    "javac": (["Calc.java:4: error: ';' expected"], []),
    "maven": (["CalcTest.adds:11 expected: <5> but was: <-1>"], ["Help 1", "Downloading"]),
    "gradle": (["CalcTest > adds() FAILED", "expected: <5> but was: <-1>"], ["--stacktrace"]),
    "ctest": (["t.c:5: main: Assertion `add(2, 3) == 5' failed"], ["Passed", "Building"]),
    "node": (["not ok 2 - adds", "-1 !== 5", "calc.test.js:4"], ["ok 1 - other"]),
}


@pytest.mark.parametrize("sample", sorted(WANTED))
def test_what_failed_is_kept_and_noise_is_not(sample: str) -> None:
    output = (SAMPLES / f"{sample}.txt").read_text()
    wanted, noise = WANTED[sample]
    text = reduced(output)
    assert len(text) <= MAX_CHARS
    assert runner_of(output.split("\n")).name == sample.partition("-")[0]
    for line in wanted:
        assert line in text
    for line in noise:
        assert line in output
        assert line not in text


def test_a_failure_of_many_parameters_is_told_once() -> None:
    block = (
        "____ test_size[{n}] ____\n\n    def test_size(n):\n>       assert size(n) == 1\n"
        "E       assert 2 == 1\n\ntests/test_a.py:{n}: AssertionError\n"
    )
    output = "=== FAILURES ===\n" + "".join(block.format(n=n) for n in range(200))
    text = reduced(output + "=== short test summary info ===\n200 failed in 0.5s\n")
    assert text.count("assert 2 == 1") == 1
    assert "200 failed" in text


def test_other_outputs_keep_their_errors_and_ends() -> None:
    output = "".join(f"step {n} done\n" for n in range(2000)) + "Error: no such table: users\nbye"
    assert "no such table: users" in reduced(output)
    plain = "".join(f"line {n} of a long text\n" for n in range(500))
    text = reduced(plain)
    assert text.startswith("line 0 of") and text.endswith("line 499 of a long text")
    assert len(text) <= MAX_CHARS
    assert reduced("short\n") == "short"


def test_one_failure_that_is_too_long_is_cut_at_its_start() -> None:
    long = "\n".join(f"E   {n} " + "x" * 200 for n in range(100))
    text = reduced(f"=== FAILURES ===\n____ test_a ____\n{long}\n1 failed in 1s")
    assert len(text) <= MAX_CHARS
    assert text.startswith("____ test_a ____") and "E   99 " in text


@pytest.mark.parametrize(
    ("output", "count"),
    [
        ("3 failed, 286 passed in 1.09s", 3),
        ("FAILED (failures=1, errors=2)", 3),
        ("[ERROR] Tests run: 4, Failures: 2, Errors: 1, Skipped: 0", 3),
        ("test result: FAILED. 4 passed; 2 failed; 0 ignored", 2),
        ("Tests:       1 failed, 2 passed, 3 total", 1),
        ("50% tests passed, 1 tests failed out of 2", 1),
        ("nothing of that kind", None),
        pytest.param("9" * 5_000 + " failed", None, id="no-number-of-tests"),
        pytest.param("FAILED (failures=" + "9" * 5_000, 999_999_999, id="nor-of-failures"),
    ],
)
def test_counts(output: str, count: int | None) -> None:
    assert failures_in(output) == count


@pytest.mark.parametrize(
    "output",
    [
        pytest.param("1 failed " * 100_000, id="pytest"),
        pytest.param("a" * 300_000, id="one-word"),
        pytest.param("1 tests failed, 1 " * 20_000, id="ctest"),
        pytest.param("\x1b[" * 100_000, id="escapes"),
        pytest.param("Error: 1\n" * 30_000, id="many-lines"),
    ],
)
def test_what_a_hostile_test_prints_is_read_in_time(output: str) -> None:
    began = time.process_time()
    assert len(reduced(output)) <= MAX_CHARS
    failures_in(output)
    assert time.process_time() - began < 10, "a hundred times as long as it takes"
