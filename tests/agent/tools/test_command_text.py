"""Whether a shell command is whole."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.agent.tools.command_text import is_whole


@pytest.mark.parametrize(
    ("command", "whole"),
    [
        ("pytest -q", True),
        ("echo 'a' \"b 'c'\" # it's", True),
        (r"echo it\'s", True),
        (r"echo $'it\'s'", True),
        ('echo \\"', True),
        (r"echo \;#it's", None),
        ("ls;# it's", True),
        ("echo 'a '#it's", None),
        ("a\nb | c && d", True),
        ("", True),
        ("cat <<END\nx", False),
        ("cat <<'END' > f\nEND\\", False),
        ("cat <<A <<B\nA\nx", False),
        ("cat <<END", False),
        ("cat <<END\nx\nEND", None),
        ("cat <<-END\n\tx\n\tEND\nls", None),
        ('cat <<"A B"\nit\'s\nA B', None),
        ("cat <<< word", None),
        ("echo $((1 << 2))", None),
        ("echo 'open", None),
        ('git commit -m "a\n', None),
        ("make \\", None),
        ("x" * 30_000, None),
    ],
)
def test_commands(command: str, whole: bool | None) -> None:
    assert is_whole(command) is whole


@given(st.text(st.sampled_from("ab '\"\\#\n;|$"), max_size=12))
def test_a_shell_agrees(command: str) -> None:
    """What is called whole has no open quote for a shell."""
    bash = shutil.which("bash")
    if bash is None or not is_whole(command):
        return
    done = subprocess.run([bash, "-n", "-c", command], capture_output=True, check=False, text=True)
    assert "unexpected EOF while looking for matching" not in done.stderr
