"""The JSON contract of ``ask`` and ``task``."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from harness.agent.envelope import Citation, Envelope, Passage, Usage
from harness.agent.status import Status

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "agent.md"


def test_every_field_is_documented_and_every_documented_field_exists() -> None:
    section = DOCUMENTATION.read_text().split("## The JSON document")[1].split("\n## ")[0]
    first_cells = re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE)
    documented = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
    assert documented == {field.name for field in fields(Envelope)} | {"exit_code"}
    for inner in (Citation, Passage, Usage):
        assert {field.name for field in fields(inner)} <= set(re.findall(r"\w+", section))
    assert set(Status) <= set(re.findall(r"`(\w+)`", section))


@pytest.mark.parametrize("status", list(Status))
def test_the_document_is_plain_data(status: Status) -> None:
    citation = Citation("a.py", 1, 2, True, "web")
    envelope = Envelope(
        status=status, passages=(Passage(citation, "a.py:1-2"),), citations=(citation,)
    )
    document = json.loads(json.dumps(envelope.to_dict()))
    assert document["status"] == status.value
    assert document["exit_code"] == envelope.exit_code
    assert document["passages"][0]["citation"] == document["citations"][0]
    assert (document["answer"], document["error"], document["verified"]) == ("", None, None)


def test_usage_adds_up() -> None:
    assert Usage(1, 2, 3, 4) + Usage(10, 20, 30, 40) == Usage(11, 22, 33, 44)
