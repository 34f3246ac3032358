"""Attribute files over which git would be busy for ever: found, and not followed."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.repository.attributes import attributes_of, is_slow, slow_attributes
from harness.repository.git_access import access_to
from harness.repository.mirrors import check_out
from harness.repository.remotes import Remote
from harness.repository.walk import walk
from tests.repositories import ENDLESS, LONG_NAME, commit_unmatched, make_repository

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.mark.parametrize(
    ("line", "slow"),
    [
        pytest.param("*.min.* -diff", False, id="usual"),
        pytest.param("docs/**/*.test.* text", False, id="three in a path"),
        pytest.param("**/a/**/*.snap.* text", False, id="four in a path"),
        pytest.param("*a*b*c*d text", True, id="four in a name"),
        pytest.param(f"{ENDLESS} text", True, id="endless"),
        pytest.param(f'"{ENDLESS} b" text', True, id="quoted"),
        pytest.param('"{}" text'.format(ENDLESS.replace("*", "\\052")), True, id="octal"),
        pytest.param(f"  {ENDLESS}\ttext", True, id="indented"),
        pytest.param(f"# {ENDLESS}", False, id="comment"),
        pytest.param("****** text", False, id="one run"),
        pytest.param("\f", False, id="form feed"),
        pytest.param(f"a\f{ENDLESS} text", True, id="form feed in a name"),
        pytest.param("a" * 1_000_001, True, id="large"),
    ],
)
def test_which_patterns_are_slow(line: str, slow: bool) -> None:
    assert is_slow(f"a text\n{line}\nb text\n".encode()) is slow


@pytest.mark.parametrize("place", ["", "in/", ".git/info/"])
def test_files_are_listed_and_none_is_vouched_for(tmp_path: Path, place: str) -> None:
    root = make_repository(tmp_path / "r", {"a.py": "a\n", f"in/{LONG_NAME}": "x\n"})
    assert all(file.content_id for file in walk(root, max_file_bytes=99).files)
    name = "attributes" if place == ".git/info/" else ".gitattributes"
    (root / place).mkdir(exist_ok=True)
    (root / place / name).write_text(f"{ENDLESS} filter=x\n")
    found = walk(root, max_file_bytes=99).files
    assert {"a.py", f"in/{LONG_NAME}"} <= {file.path for file in found}
    assert not any(file.content_id for file in found)
    found_in = slow_attributes(root / "in", [LONG_NAME])
    assert found_in is not None
    assert found_in.resolve() == root / place / name


def test_attributes_that_are_quick_are_asked_of_git(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "r", {"a.py": "a\n", ".gitattributes": "*.py eol=crlf\n"})
    assert attributes_of(root, ["a.py", "b"], ("eol", "text")) == {"a.py": {"eol": "crlf"}}


def test_a_checkout_comes_without_conversions(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = make_repository(tmp_path / "r", {"run.sh": "a\n", f"in/{LONG_NAME}": "x\n"})
    (root / "link").symlink_to("run.sh")
    (root / "run.sh").chmod(0o755)
    commit_unmatched(root, "run.sh")
    (root / ".gitattributes").write_text(f"{ENDLESS} filter=x\n*.sh eol=crlf\n")
    commit = commit_unmatched(root, ".gitattributes")
    url = f"file://{root}"
    copy = tmp_path / "copy"
    assert check_out(Remote(url, access_to(url), 60), "", copy, data_dir=tmp_path / "d") == commit
    assert (copy / "in" / LONG_NAME).read_bytes() == b"x\n"
    assert (copy / "run.sh").read_bytes() == b"a\n"
    assert "too many *" in caplog.text
    listing = walk(copy, max_file_bytes=99, pristine=True)
    assert {file.path for file in listing.files} == {
        *(".gitattributes", f"in/{LONG_NAME}", "run.sh"),
    }
