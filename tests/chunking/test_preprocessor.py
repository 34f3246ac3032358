"""What is blanked out of C and C++ before parsing, and that rows and offsets stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.chunking.languages.catalog import LANGUAGES
from harness.chunking.preprocessor import without_conditions, without_macros
from harness.chunking.reading import syntax_tree, unexplained


@pytest.mark.parametrize(
    "code",
    [
        "int f(int a);\n#define LIMIT_MAX 3\n",
        "SSL_CTX *ctx = new_ctx();\n",
        "call(a,\n     SOME_FLAG\n     );\n",
        "struct FOO_TABLE rows;\n",
        "x = a |\n  SOME_FLAG;\n",
    ],
)
def test_ordinary_code_stays(code: str) -> None:
    assert without_macros(code.encode()).decode() == code


@pytest.mark.parametrize(
    ("code", "macro"),
    [
        ("class LIB_API Name {\n};\n", "LIB_API"),
        ("struct LIB_EXPORT(1) Name : Base {\n};\n", "LIB_EXPORT(1)"),
        ("LIB_EXTERN int f(int a);\n", "LIB_EXTERN"),
        ("static LIB_INLINE char *f(void) {\n}\n", "LIB_INLINE"),
        ("int f(void) LIB_NOEXCEPT;\n", "LIB_NOEXCEPT"),
        ("#include <a>\n\nLIB_BEGIN_NAMESPACE\nint x;\n", "LIB_BEGIN_NAMESPACE"),
    ],
)
def test_macros_become_blanks(code: str, macro: str) -> None:
    assert without_macros(code.encode()).decode() == code.replace(macro, " " * len(macro))


def test_only_the_first_branch_of_a_condition_stays() -> None:
    code = (
        b"#if A && \\\n  B\none\n#elif C\ntwo\n# ifdef D\nthree\n# endif\n"
        b"#else\nfour\n#endif\nfive\n"
    )
    kept = [line.strip() for line in without_conditions(code).split(b"\n")]
    assert [line for line in kept if line] == [b"one", b"five"]


@given(
    st.lists(
        st.sampled_from(
            [
                "#if A",
                "#else",
                "#endif",
                "LIB_API",
                "class LIB_API x {",
                "int f() LIB_X;",
                "é {",
                "}",
            ]
        ),
        max_size=12,
    )
)
def test_rows_and_offsets_stay(lines: list[str]) -> None:
    data = "\n".join(lines).encode()
    for masked in (without_macros(data), without_conditions(data)):
        assert [len(line) for line in masked.split(b"\n")] == [
            len(line) for line in data.split(b"\n")
        ]


def test_a_condition_that_opens_a_brace_twice_does_not_hide_the_rest() -> None:
    code = b"int a(int x) {\n#ifdef F\n  if(x) {\n#else\n  while(x) {\n#endif\n  }\n}\n"
    root = syntax_tree(LANGUAGES["c"], code + b"int b(void) { return 1; }\n" * 3)
    assert root is not None
    assert unexplained(root) == 0
