"""Imports that a new version of a place needs."""

from __future__ import annotations

import pytest

from harness.agent.localise.imports import with_library_imports

GO = "package text\n\nfunc Up(s string) string {\n\treturn s\n}\n"
BLOCK = GO.replace("func", 'import (\n\t"fmt"\n)\n\nfunc')
JAVA = "package a;\n\nclass Up {\n    int up(int n) {\n        return n;\n    }\n}\n"
RUST = "//! Words.\n\npub fn up(n: u8) -> u8 {\n    n\n}\n"
C = '#include "up.h"\n\nint up(int c) {\n    return c;\n}\n'


@pytest.mark.parametrize(
    ("path", "before", "old", "new", "line"),
    [
        pytest.param(
            "a.go", GO, "return s", "return strings.ToUpper(s)", '\nimport "strings"\n', id="go"
        ),
        pytest.param(
            "a.go",
            BLOCK,
            "return s",
            "return utf8.RuneCountInString(s)",
            '(\n\t"unicode/utf8"\n\t"fmt"\n)',
            id="go-block",
        ),
        pytest.param(
            "Up.java", JAVA, "return n", "return Arrays.hashCode(new int[]{n})",
            "package a;\nimport java.util.Arrays;\n", id="java",
        ),
        pytest.param(
            "up.rs", RUST, "    n\n", "    HashMap::from([(n, n)])[&n]\n",
            "//! Words.\n\nuse std::collections::HashMap;\npub fn", id="rust",
        ),
        pytest.param(
            "up.c", C, "return c", "return toupper(c)",
            '#include <ctype.h>\n#include "up.h"\n', id="c",
        ),
    ],
)  # fmt: skip
def test_what_is_lacking_is_imported(path: str, before: str, old: str, new: str, line: str) -> None:
    after = before.replace(old, new)
    imported = with_library_imports(path, before, after)
    assert line in imported
    assert with_library_imports(path, before, imported) == imported


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        pytest.param("a.py", "x = 1\n", "x = json.dumps(1)\n", id="another-language"),
        pytest.param("a.go", GO, GO.replace("return s", "return words.Up(s)"), id="not-known"),
        pytest.param("a.go", GO, GO.replace("return s", "return t.strings.Up"), id="a-field"),
        pytest.param(
            "a.go", GO, GO.replace("return s", "sort := s\n\treturn sort.Up"), id="a-variable"
        ),
        pytest.param(
            "Up.java",
            JAVA,
            JAVA.replace("class Up {", "class Up {\n    record Set(int n) {}").replace(
                "return n", "return new Set(n).n()"
            ),
            id="a-type-of-its-own",
        ),
        pytest.param(
            "up.rs",
            RUST.replace("pub fn", "use std::collections::{BTreeMap, HashMap};\npub fn"),
            RUST.replace("pub fn", "use std::collections::{BTreeMap, HashMap};\npub fn").replace(
                "    n\n", "    HashMap::new()\n"
            ),
            id="imported-with-others",
        ),
        pytest.param("up.c", C, C.replace("return c", "return ops->abs(c)"), id="a-member"),
    ],
)
def test_nothing_else_is_imported(path: str, before: str, after: str) -> None:
    assert with_library_imports(path, before, after) == after
