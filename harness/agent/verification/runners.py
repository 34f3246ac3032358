"""What the output of test runners and compilers looks like: which lines say what failed.

One declaration a runner. Of a run's output only the blocks count that begin with a line of
``starts``; within a block the lines of ``keep``. The patterns were read off the output of pytest 8,
unittest (CPython 3.11), go 1.22, cargo 1.7x, jest 29 and vitest, tsc 5, javac 17, Maven 3.9 with
Surefire, Gradle 8, CTest 3.2x with GoogleTest, and of the compilers that these call.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NEVER = re.compile(r"(?!)")


@dataclass(frozen=True, slots=True)
class Runner:
    """How to read one runner.

    ``recognised`` is a line that only this runner writes. A block goes on to the next of ``starts``
    or to a line of ``ends``, and ``block_lines`` bounds what is kept of it. ``always`` are lines
    that count outside of blocks, such as the last line with its numbers.
    """

    name: str
    recognised: re.Pattern[str]
    starts: re.Pattern[str]
    keep: re.Pattern[str]
    ends: re.Pattern[str] = _NEVER
    always: re.Pattern[str] = _NEVER
    block_lines: int = 14


def _lines(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


_GCC = r"^\S+:\d+:\d+: (?:fatal )?error: |^\S+:\d+: (?:Failure|error:)|undefined reference to"

RUNNERS = (
    Runner(
        "pytest",
        _lines(r"^=+ (?:FAILURES|ERRORS|short test summary info|test session starts) =+$|"
               r"^(?:FAILED|ERROR) \S+::|\b\d+ (?:failed|passed|errors?)\b.* in [\d.]+s"),
        starts=_lines(r"^_{3,} .+ _{3,}$"),
        keep=_lines(r"^_{3,} |^E  |^>  |^\S+:\d+: |^    def test|^        assert|^    assert"),
        ends=_lines(r"^=+ "),
        always=_lines(r"^(?:=+ )?\d+ (?:failed|passed|errors?).* in [\d.]+s"),
    ),
    Runner(
        "unittest",
        _lines(r"^(?:FAIL|ERROR): \w+ \(|^Ran \d+ tests? in "),
        starts=_lines(r"^(?:FAIL|ERROR): "),
        keep=_lines(r"^(?:FAIL|ERROR): |^  File |^    \S|^\w[\w.]*(?:Error|Exception)|^[-+?] "),
        ends=_lines(r"^=+$|^Ran \d+"),
        always=_lines(r"^FAILED \("),
    ),
    Runner(
        "cargo",
        _lines(r"^error(?:\[E\d+\])?: |^test result: |^\s+Compiling \S+ v|^---- .+ stdout ----"),
        starts=_lines(r"^error(?:\[E\d+\])?: (?!could not compile|test failed|aborting)|"
                      r"^---- .+ stdout ----"),
        keep=_lines(r"^(?!\s+at /rustc/|\s+\d+: |stack backtrace)\s*\S"),
        ends=_lines(r"^failures:$|^note: |^For more information"),
        always=_lines(r"^test result: FAILED"),
    ),
    Runner(
        "go",
        _lines(r"^--- FAIL: |^FAIL\s+\S+|^ok\s+\S+\s+[\d.(]|^# [\w./-]+$|^panic: "),
        starts=_lines(r"^\s*--- FAIL: |^panic: |^\S+\.go:\d+:\d+: |^\s+\S+_test\.go:\d+: "),
        keep=_lines(r"--- FAIL: |^panic: |\.go:\d+|^\s+\S"),
        ends=_lines(r"^FAIL\b|^ok\b|^exit status"),
        always=_lines(r"^FAIL\s+\S+"),
    ),
    Runner(
        "jest",
        _lines(r"^\s*● |^Tests: +\d+|^ FAIL  ?\S|^FAIL \S+\.[jt]sx?|^ *Test Files +\d+"),
        starts=_lines(r"^\s*● (?!Console)|^ FAIL  "),
        keep=_lines(r"^\s*● |^ FAIL|Expected|Received|^\s+>|Error|expect\(|^\s+[-+] |"
                    r"at .+\((?!node_modules)[^)]+:\d+:\d+\)|❯ \S+:\d+"),
        ends=_lines(r"^Test Suites:|^Test Files "),
        always=_lines(r"^ *Tests:? +.*\d+ failed"),
    ),
    Runner(
        "tsc",
        _lines(r"^\S+\(\d+,\d+\): error TS\d+|^\S+:\d+:\d+ - error TS\d+"),
        starts=_lines(r"error TS\d+"),
        keep=_lines(r"error TS\d+|^\s+\S"),
        block_lines=4,
    ),
    Runner(
        "node",
        _lines(r"^not ok \d+|^# (?:fail|pass) \d+|^ℹ (?:fail|pass) \d+|^✖ "),
        starts=_lines(r"^\s*not ok \d+|^✖ "),
        keep=_lines(r"not ok|✖ |rror|expected|actual|!==|location|^\s+at .*\(?file|^\s+[-+] "),
        always=_lines(r"^[#ℹ] fail \d+"),
    ),
    Runner(
        "maven",
        _lines(r"^\[(?:ERROR|INFO)\] "),
        starts=_lines(r"^\[ERROR\] (?!\s*$|Failed to execute|To see|Re-run|For more|-> \[Help|"
                      r"After |\[Help|Please refer|COMPILATION ERROR|Errors?:|Failures?:|"
                      r"Tests run:.*Time)"),
        keep=_lines(r"\S"),
        ends=_lines(r"^\[INFO\]|^\[ERROR\]\s*$|^\tat (?!.*Test)"),
        always=_lines(r"^\[ERROR\] Tests run:.*(?<!Test)$"),
        block_lines=5,
    ),
    Runner(
        "gradle",
        _lines(r"^> Task :|^\d+ tests? completed, \d+ failed|^BUILD FAILED in"),
        starts=_lines(r"^.+ > .+ FAILED$|^\S+\.(?:java|kt):\d+: error: |^e: "),
        keep=_lines(r"\S"),
        ends=_lines(r"^$|^\* Try|^FAILURE:"),
        always=_lines(r"^\d+ tests? completed"),
        block_lines=6,
    ),
    Runner(
        "javac",
        _lines(r"^\S+\.java:\d+: (?:error|warning): |^\d+ errors?$"),
        starts=_lines(r"^\S+\.java:\d+: error: |^Exception in thread "),
        keep=_lines(r"\S"),
        ends=_lines(r"^\d+ (?:error|warning)s?$"),
        block_lines=6,
    ),
    Runner(
        "ctest",
        _lines(r"\*\*\*Failed|^The following tests FAILED:|tests? passed, \d+ tests? failed out of|"
               + _GCC),
        starts=_lines(_GCC + r"|\*\*\*(?:Failed|Exception)|^\[  FAILED  \] \S+ \("),
        keep=_lines(r"\S"),
        ends=_lines(r"^\[ RUN |^\d+/\d+ Test|^\d+% tests passed|^$"),
        always=_lines(r"% tests passed|Assertion .* failed"),
        block_lines=7,
    ),
)  # fmt: skip

# For any other command: what most programs write when something is wrong.
GENERIC = Runner(
    "output",
    _NEVER,
    starts=_lines(r"Traceback \(most recent call last\)|(?i:\b(?:error|fail(?:ed|ure)?|panic|"
                  r"exception|assert\w*|expected|mismatch|not ok)\b)"),
    keep=_lines(r"\S"),
    block_lines=12,
)  # fmt: skip


def runner_of(lines: Sequence[str]) -> Runner:
    """Return whose output it is; where several look alike, the one with more such lines.

    :param lines: of bounded length.
    """
    best, most = GENERIC, 0
    for runner in RUNNERS:
        seen = sum(1 for line in lines if runner.recognised.search(line))
        if seen > most:
            best, most = runner, seen
    return best
