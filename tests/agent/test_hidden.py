"""What a model does not get to see: vendored files in listings, and credentials anywhere."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.agent import RunOptions, ScriptedChatModel, Status, ask, calls, run_task
from harness.types import Hit
from tests.agent.conftest import make_repository
from tests.agent.steps import said_to

# Put together here, so that no scanner of this repository takes a test for a leak.
TOKEN = "ghp_" + "".join(random.Random(36).choices(string.ascii_letters + string.digits, k=36))
BODY = ["".join(random.Random(line).choices(string.ascii_letters, k=64)) for line in range(8)]
KEY = "\n".join(["-----BEGIN " + "PRIVATE KEY-----", *BODY, "-----END " + "PRIVATE KEY-----"])
KNOWN = "hunter2-hunter2"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_repository(
        tmp_path / "r",
        {
            "app.py": f'token = "{TOKEN}"\nname = "tokenizer-of-ours"\nvalue = "{KNOWN}"\n',
            "key.py": f'KEY = """{KEY}"""\nlast = 1\n',
            "third_party/zlib/zlib.py": "def inflate(): ...\n",
            "third_party/zlib/LICENSE": "zlib's\n",
            ".aws/credentials": "inflate\n",
        },
    )


def script(*steps: tuple[str, dict[str, object]] | str) -> ScriptedChatModel:
    return ScriptedChatModel([calls(step) if isinstance(step, tuple) else step for step in steps])


OPTIONS = RunOptions(secrets=(KNOWN,))


def test_vendored_files_are_not_listed_but_read_when_asked_for(root: Path) -> None:
    model = script(
        ("list_files", {}),
        ("grep", {"pattern": "inflate"}),
        ("list_files", {"path": "third_party"}),
        ("read_file", {"path": "third_party/zlib/zlib.py"}),
        ("read_file", {"path": ".aws/credentials"}),
        "Done.",
    )
    ask("Look", root, model)
    assert "app.py\nkey.py" in said_to(model, 1)
    assert "third_party" not in said_to(model, 1)
    assert "No lines match" in said_to(model, 2)
    assert "read_file opens them" in said_to(model, 3)
    assert "1| def inflate(): ..." in said_to(model, 4)
    assert "Refused: " in said_to(model, 5)


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(("read_file", {"path": "app.py"}), id="read_file"),
        pytest.param(("grep", {"pattern": "token|value"}), id="grep"),
        pytest.param(("semantic_search", {"query": "token value"}), id="search-by-words"),
    ],
)
def test_credentials_are_taken_out_and_the_rest_stays(
    root: Path, step: tuple[str, dict[str, object]]
) -> None:
    model = script(step, "Done.")
    ask("Look", root, model, options=OPTIONS)
    said = said_to(model, 1)
    assert 'token = "[redacted]"' in said
    assert 'value = "[redacted]"' in said
    assert "tokenizer-of-ours" in said
    assert TOKEN not in said + json.dumps([m.content for m in model.requests[-1]])


def test_a_key_is_hidden_and_lines_keep_their_numbers(root: Path) -> None:
    model = script(("read_file", {"path": "key.py"}), "Done.")
    ask("Look", root, model)
    assert '    1| KEY = """[redacted]' in said_to(model, 1)
    assert f"{len(BODY) + 3:>5}| last = 1" in said_to(model, 1)
    assert not any(line in said_to(model, 1) for line in BODY)


def test_lines_of_a_key_are_hidden_from_a_search(root: Path) -> None:
    model = script(
        ("grep", {"pattern": ".", "path": "key.py"}),
        ("grep", {"pattern": BODY[3][:6]}),
        ("grep", {"pattern": f"token = .{TOKEN[:9]}"}),
        ("grep", {"pattern": "token = ", "path": "app.py"}),
        "Done.",
    )
    ask("Look", root, model)
    assert 'key.py:1:KEY = """[redacted]' in said_to(model, 1)
    assert f"key.py:{len(BODY) + 3}:last = 1" in said_to(model, 1)
    # Nor does a match tell, character by character, what is hidden.
    assert "No lines match" in said_to(model, 2)
    assert "No lines match" in said_to(model, 3)
    assert 'app.py:1:token = "[redacted]"' in said_to(model, 4)
    said = "".join(said_to(model, number) for number in range(1, 5))
    assert not any(line in said for line in (*BODY, TOKEN))


def test_the_closest_text_of_a_failed_edit_is_hidden(root: Path) -> None:
    almost = f"{BODY[2][:50]}{'x' * 14}"
    edit = {"path": "key.py", "search": almost, "replace": "a"}
    model = script(("edit_file", edit), "Done.", "Done.")
    run_task("Change", root, model)
    assert "does not occur" in said_to(model, 1)
    assert not any(line in said_to(model, 1) for line in BODY)


def test_passages_of_an_old_index(root: Path) -> None:
    def search(query: str, limit: int) -> Sequence[Hit]:
        text = f'token = "{TOKEN}"'
        return [Hit("r", "app.py", 1, 1, "", "python", 0.9, text)]

    model = script(("semantic_search", {"query": "token"}), "Done.")
    ask("Where?", root, model, search=search)
    assert 'token = "[redacted]"' in said_to(model, 0)
    assert TOKEN not in said_to(model, 0) + said_to(model, 1)


def test_output_of_commands(root: Path) -> None:
    model = script(("run", {"command": "cat app.py key.py"}), "Done.", "Done.")
    run_task("Look", root, model, options=OPTIONS)
    said = said_to(model, 1)
    assert said.count("[redacted]") == 3
    assert "tokenizer-of-ours" in said
    assert not any(secret in said for secret in (TOKEN, KNOWN, BODY[0]))


@pytest.mark.parametrize(
    "command",
    [
        pytest.param("sed -n 4,6p key.py", id="lines-of-a-key"),
        pytest.param("cat secrets.yaml", id="a-name-alone-tells"),
        pytest.param("mv secrets.yaml plain.txt; cat plain.txt", id="moved"),
        pytest.param("cut -d= -f2 .aws/credentials", id="without-its-name"),
        pytest.param("cut -c10-60 app.py; grep -o 'ghp_.*[^\"]' app.py", id="cut-out"),
        pytest.param(
            "rev app.py; base64 .aws/credentials; od -An -tx1 .aws/credentials", id="encoded"
        ),
    ],
)
def test_parts_of_what_a_command_prints(tmp_path: Path, command: str) -> None:
    made = "".join(random.Random(7).choices(string.ascii_letters + string.digits, k=40))
    files: dict[str, str | bytes] = {
        "app.py": f'token = "{TOKEN}"\n',
        "key.py": f'KEY = """{KEY}"""\n',
        "secrets.yaml": f"a: {made}\nfolder: /usr/lib/python3.11/site-packages\n",
        ".aws/credentials": f"aws_secret_access_key={made}\n",
    }
    model = script(("run", {"command": command}), "Done.", "Done.")
    run_task("Look", make_repository(tmp_path / "r", files), model, results_dir=tmp_path / "out")
    kept = [(tmp_path / "out" / name).read_text() for name in ("trajectory.jsonl", "report.md")]
    for text in (said_to(model, 1), *kept):
        assert not any(secret in text for secret in (made, TOKEN, TOKEN[::-1], *BODY))
        assert made[9:29].encode().hex() not in "".join(text.split())
    assert "[redacted]" in said_to(model, 1)
    if "yaml" in command:
        assert "folder: /usr/lib/python3.11/site-packages" in said_to(model, 1)


def test_what_is_hidden_cannot_be_lost_by_writing_it_back(root: Path) -> None:
    whole = 'token = "[redacted]"\nname = "new"\nvalue = "[redacted]"\n'
    line = {"path": "app.py", "search": 'name = "tokenizer-of-ours"', "replace": 'name = "new"'}
    model = script(
        ("edit_file", {"path": "app.py", "content": whole}), ("edit_file", line), "Done."
    )
    result = run_task("Rename", root, model, options=OPTIONS)
    assert "stands for a value that is hidden from you" in said_to(model, 1)
    assert result.status is Status.OK
    assert '+name = "new"' in result.patch
    assert "[redacted]" not in result.patch


def test_records_hide_what_only_looks_like_a_credential(root: Path, tmp_path: Path) -> None:
    model = script(("run", {"command": "echo DB_PASSWORD=abcdefgh1234"}), f"It is {TOKEN}.", "No.")
    run_task("Look", root, model, results_dir=tmp_path / "out")
    assert "DB_PASSWORD=abcdefgh1234" in said_to(model, 1)
    for name in ("trajectory.jsonl", "report.md", "result.json"):
        text = (tmp_path / "out" / name).read_text()
        assert TOKEN not in text
        assert "abcdefgh1234" not in text
    assert "DB_PASSWORD=[redacted]" in (tmp_path / "out" / "trajectory.jsonl").read_text()


def test_what_comes_with_a_task_hides_as_much(root: Path) -> None:
    """The first message shows code, with line numbers that would take a key apart."""
    held = (root / "key.py").read_text().replace("\n", "\n    ")
    (root / "held.py").write_text(f"def load_key():\n    {held}\n    return KEY\n")
    model = script("Nothing to do.")
    ask("What does load_key() return?", root, model)
    run_task("Change load_key()", root, model)
    first = model.requests[0][-1].content
    assert "def load_key():" in first
    said = "".join(message.content for request in model.requests for message in request)
    assert not any(line in said for line in BODY)


def test_a_place_with_a_credential_is_not_shown(tmp_path: Path) -> None:
    files = {
        "app.py": f"def login():\n    token = '{TOKEN}'\n    return token\n",
        "check.py": "1/0\n",
    }
    folder = make_repository(tmp_path / "place", files)
    model = script("```python\ndef login():\n    return 1\n```", "No.", "No.")
    options = RunOptions(strategy="localise")
    result = run_task("Change login()", folder, model, verify="python3 check.py", options=options)
    said = "".join(message.content for request in model.requests for message in request)
    assert TOKEN not in said
    assert any("holds a credential" in line for line in result.tried)
