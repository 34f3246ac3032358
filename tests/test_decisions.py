"""The decision records: numbered, in one form, listed, and about code that exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "decisions"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
SECTIONS = ["Context", "Decision", "Alternatives considered", "Consequences"]
# Parts of the repository that a record may name as code; `aider/…` and the like are others'.
_PATH = re.compile(r"`((?:harness|flows|tests|benchmarks|deployments)/[^`\s]*)`")


def test_records_are_numbered_and_listed_in_order() -> None:
    numbers = [int(path.name[:4]) for path in RECORDS]
    assert numbers == list(range(1, len(RECORDS) + 1))
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| \[\d{4}\]\(([^)]+)\)", index, re.MULTILINE) == [p.name for p in RECORDS]


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_a_record_has_the_form_and_names_what_exists(record: Path) -> None:
    text = record.read_text(encoding="utf-8")
    assert re.match(rf"# {record.name[:4]}: .+\n\nStatus: \w+.*\. Code: `", text)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    for named in _PATH.findall(text):
        assert (ROOT / named).exists(), named
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert (FOLDER / link).exists(), link
