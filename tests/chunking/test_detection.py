"""Which language a file is found to be in."""

from __future__ import annotations

import pytest

from harness.chunking.detection import detect_language


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a/b/Dockerfile.dev", "", "dockerfile"),
        ("Makefile", "", "make"),
        ("x.H", "", "c"),
        ("x.h", "#include <vector>\nclass A {};\n", "cpp"),
        ("x.m", "@interface A\n@end\n", "objc"),
        ("bin/run", "#!/usr/bin/env python3\n", "python"),
        ("bin/run", "#!/bin/sh -e\n", "bash"),
        ("bin/run", "#!/usr/bin/env -S node --x\n", "javascript"),
        ("x.unknown", "", "text"),
        ("LICENSE", "", "text"),
        ("a.ipynb", "", "json"),
        ("requirements-dev.in", "", "requirements"),
        ("Makefile.am", "", "make"),
        ("a.mm", "", "objc"),
        ("a.m", "x = 1;\n", "matlab"),
        ("a.c", "@interface A\n@end\n", "c"),
        ("bin/run", "\ufeff#!/usr/bin/env A=1 luajit\n", "lua"),
        ("bin/run", "#!/usr/bin/env unheard-of\n", "text"),
    ],
)
def test_detect_language(path: str, text: str, expected: str) -> None:
    assert detect_language(path, text).name == expected
