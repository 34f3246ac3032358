"""Diffs are read for being shown, whatever is in them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.workspace.diffs import DiffLine, read_diff

PATCH = """diff --git a/src/a.py b/src/a.py
index 1..2 100644
--- a/src/a.py
+++ b/src/a.py
@@ -1,3 +1,3 @@ def f
 one
-two
---- three
+++ four
+five
\\ No newline at end of file
diff --git a/old.py b/new.py
similarity index 100%
rename from old.py
rename to new.py
"""


def test_a_diff_has_files_and_numbered_lines() -> None:
    first, second = read_diff(PATCH)
    assert (first.path, first.added, first.deleted) == ("src/a.py", 2, 2)
    assert first.lines[1:6] == (
        DiffLine("same", "one", 1, 1),
        DiffLine("del", "two", 2),
        DiffLine("del", "--- three", 3),
        DiffLine("add", "++ four", None, 2),
        DiffLine("add", "five", None, 3),
    )
    assert (second.path, [line.kind for line in second.lines]) == ("new.py", ["note"] * 3)


def test_a_diff_without_gits_lines() -> None:
    text = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n--- a/y\n+++ /dev/null\n@@ -1 +0,0 @@\n-c\n"
    assert [(file.path, file.added, file.deleted) for file in read_diff(text)] == [
        ("x", 1, 1),
        ("y", 0, 1),
    ]


def test_what_is_no_diff_is_shown_all_the_same() -> None:
    (file,) = read_diff("Cut here")
    assert file.lines == (DiffLine("note", "Cut here"),)
    assert read_diff("") == []


@given(st.text(alphabet="+-@ ,\\0123ab/\n", max_size=300))
def test_any_text_can_be_read_as_a_diff(text: str) -> None:
    assert sum(file.added for file in read_diff(text)) <= text.count("+")
