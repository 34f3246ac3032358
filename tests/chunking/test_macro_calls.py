"""Macros of C and C++ that stand where no call can stand."""

from __future__ import annotations

import pytest

from harness.chunking.chunker import chunk_text
from harness.chunking.macro_calls import without_macro_calls

CODE = """\
namespace a {
class Loop {
  DISALLOW_COPY(Loop);
  Loop(int x);
  static ALWAYS_INLINE(int size() const) { return 1; }
  void run() {
    IF_SOME(x, next("(")) {
      step();
    } else IF_SOME(y,
        z) {
      stop();
    }
    list_for_each_entry(x, list) { step(); }
  }
};
template <typename T> class Box<T&> { T open; };
template <> int conv<int>(int x) { return 1; }
int Outer<int, std::vector<X>>::find(int x) { return 1; }
TEST(LoopTest, Stops) { CHECK_ALL(x) { run(); } }
TEST_CASE("it (stops)", "[slow]") {
  EventLoop loop;
}
SYSCALL_DEFINE2(kill, pid_t, pid, int, sig) { return 1; }
}
Loop::operator bool() { return true; }
int last() { return 2; }
"""


def test_a_macro_before_a_block_becomes_a_condition_and_one_around_a_declaration_nothing() -> None:
    seen = without_macro_calls(CODE.encode()).decode()
    assert len(seen) == len(CODE)
    assert [len(line) for line in seen.split("\n")] == [len(line) for line in CODE.split("\n")]
    changed = [
        " ".join(new.split())
        for old, new in zip(CODE.split("\n"), seen.split("\n"), strict=True)
        if old != new
    ]
    assert changed == [
        "static int size() const { return 1; }",
        "if(1 ) {",
        "} else if(1",
        ") {",
        "if(1 ) { step(); }",
        "TEST(LoopTest, Stops) { if(1 ) { run(); } }",
        "TEST_CASE( ) {",
    ]


def test_what_a_long_test_declares_is_its_own() -> None:
    code = (
        'TEST_CASE("it stops") {\n' + "  Loop loop(1, 2);\n" * 200 + "}\nint last() { return 1; }\n"
    )
    assert {name for chunk in chunk_text("a.cc", code) for name in chunk.definitions} == {"last"}


def test_what_is_defined_beside_macros() -> None:
    found = {name for chunk in chunk_text("loop.cc", CODE) for name in chunk.definitions}
    names = ["Box", "Loop", "Stops", "conv", "find", "kill", "last", "operator bool"]
    assert sorted(found) == [*names, "run", "size"]


@pytest.mark.parametrize(
    "code",
    [
        "class URL {\n  URL(Text text) {\n    parse();\n  }\n};\n",
        "int f() {\n  g(SOME_SIZE(x));\n}\n",
        "int f() {\n  // IF_SOME(x) {\n  return 1;\n}\n",
        '#define EACH_ONE(x) \\\n  FOR_EACH(x) {\nconst char *s = "IF_SOME(x) {";\n',
    ],
)
def test_other_code_stays(code: str) -> None:
    assert without_macro_calls(code.encode()).decode() == code
