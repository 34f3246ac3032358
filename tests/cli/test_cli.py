"""The command line with the real embedded engines: contracts, exit codes, bad input."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli.main import module_arguments
from harness.indexer import arguments_for_index
from tests.cli.runs import ROUTING, Run, document
from tests.repositories import make_repository

HEAVY = ("prefect", "qdrant_client", "qdrant_edge", "onnxruntime", "numpy", "tree_sitter")


def test_a_long_passage_is_shown_where_it_matches(harness: Run, tmp_path: Path) -> None:
    body = "".join(f"    step_{n} = {n}\n" for n in range(20))
    text = f"def prepare():\n{body}    rotate_signing_key(step_1)\n    return step_2\n"
    harness("index", str(make_repository(tmp_path / "keys", {"keys.py": text})))
    code, out, _ = harness("search", "where is the signing key rotated")
    assert code == 0
    assert "    22      rotate_signing_key(step_1)" in out.split("\n")
    assert "step_0 = 0" not in out


def test_index_search_ask_status_forget(harness: Run, repository: Path) -> None:
    report = document(harness("index", str(repository), "--json"))
    assert report["repo"] == "web app"
    assert report["files_indexed"] == 2
    assert report["embed_seconds"] <= report["seconds"]

    found = document(harness("search", "where are URL handlers registered", "--json"))
    assert found["query"] == "where are URL handlers registered"
    first = found["results"][0]
    assert first["path"] == "app/routing.py"
    assert set(first) == {
        "repo", "path", "start_line", "end_line", "symbol", "language", "score", "text"
    }  # fmt: skip
    lines = ROUTING.split("\n")[first["start_line"] - 1 : first["end_line"]]
    assert first["text"].rstrip("\n") == "\n".join(lines).rstrip("\n")

    answer = document(harness("ask", "how is the session cookie signed?", "--json"))
    assert answer["status"] == "ok"
    assert answer["citations"][0]["path"] == "app/session.py"
    assert all(citation["verified"] for citation in answer["citations"])
    assert "sign_cookie" in answer["passages"][0]["text"]
    assert answer["answer"] == ""  # no model took part

    (status,) = document(harness("status", "--json"))["repos"]
    assert set(status) >= {
        "name", "path", "commit", "model", "files", "chunks", "failed", "indexed_at"
    }  # fmt: skip
    assert (status["name"], status["files"], status["failed"]) == ("web app", 2, 0)

    assert document(harness("index", str(repository), "--json"))["chunks_embedded"] == 0
    assert harness("forget", "web app")[0] == 0
    assert document(harness("status", "--json"))["repos"] == []


def test_text_output(harness: Run, repository: Path) -> None:
    code, out, _ = harness("index", str(repository))
    assert code == 0
    assert "2 files indexed" in out
    assert "nothing changed" in harness("index", str(repository))[1]
    assert "app/routing.py:" in harness("search", "register a route")[1]
    out = harness("ask", "how is the cookie signed")[1]
    assert "app/session.py:" in out
    assert "web app" in harness("status")[1]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(["index", "/does/not/exist"], 2, "/does/not/exist", id="no-such-path"),
        pytest.param(["index", "--name", "x", "a", "b"], 2, "--name", id="name-for-two"),
        pytest.param(["index", "--root", ".", "a"], 2, "--root", id="root-and-paths"),
        pytest.param(["search", ""], 2, "empty", id="empty-query"),
        pytest.param(["search", "x"], 2, "harness index", id="nothing-indexed"),
        pytest.param(["ask", " "], 2, "nothing is indexed", id="ask-nothing-indexed"),
        pytest.param(["search", "x", "--limit", "ten"], 2, "limit", id="not-a-number"),
        pytest.param(["forget", "x"], 2, "nothing is indexed", id="forget-unknown"),
        pytest.param(["nonsense"], 2, "nonsense", id="unknown-command"),
        pytest.param(
            ["index", "file:///does/not/exist.git"], 2, "/does/not/exist", id="unreachable-url"
        ),
    ],
)
def test_bad_input_is_one_line(harness: Run, arguments: list[str], code: int, message: str) -> None:
    got, out, err = harness(*arguments)
    assert (got, out) == (code, "")
    assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("HARNESS_MAX_FILE_BYTES", "many", id="not-a-number"),
        pytest.param("HARNESS_LOCK_TIMEOUT_SECONDS", "0", id="out-of-range"),
    ],
)
def test_a_bad_setting_names_its_variable(
    harness: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    code, _, err = harness("index", ".")
    assert code == 2
    assert name in err


def test_doctor_with_nothing_configured(harness: Run) -> None:
    result = document(harness("doctor", "--json"))
    assert result["ok"] is True, [c for c in result["checks"] if c["ok"] is False]
    for check in result["checks"]:
        assert {"name", "ok", "detail", "remedy", "seconds"} <= set(check)
    for line in ("export OLLAMA_HOST=http://localhost:11434", "export QDRANT_HOST=localhost"):
        assert line in harness("doctor")[1]


def test_doctor_with_a_data_directory_that_cannot_be_written(
    harness: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "file" / "data"))
    code, out, err = harness("doctor")
    assert code == 1
    assert "HARNESS_DATA_DIR" in out
    assert "Traceback" not in out + err
    code, _, err = harness("index", str(tmp_path))
    assert code == 1
    assert "HARNESS_DATA_DIR" in err


def test_results_that_cannot_be_written_are_named_before_a_model_is_asked(
    harness: Run, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = tmp_path / "file"
    taken.write_text("not a folder")
    monkeypatch.setenv("HARNESS_RESULTS_DIR", str(taken / "results"))
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    code, _, err = harness("task", "Do nothing.", "--repo", str(repository))
    assert (code, err.count("\n")) == (2, 1)
    assert str(taken / "results") in err and "HARNESS_RESULTS_DIR" in err


@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_what_a_disk_refuses_is_one_line_with_the_path(
    harness: Run, monkeypatch: pytest.MonkeyPatch, reason: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(reason, os.strerror(reason), "/full/disk")

    monkeypatch.setattr("harness.configured.open_engines", refuse)
    code, _, err = harness("status")
    assert (code, err.count("\n")) == (1, 1)
    assert f"/full/disk: {os.strerror(reason)}; " in err and "unexpected" not in err


@pytest.mark.parametrize("command", ["", "index", "search", "up"])
def test_help_is_light_and_has_an_example(command: str) -> None:
    script = (
        "import sys\nfrom harness.cli.main import run\n"
        f"code = run({[*([command] if command else []), '--help']!r})\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "sys.exit(code or (f'imports {heavy}' if heavy else 0))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "harness" in done.stdout
    assert "Example:" in done.stdout or not command


@pytest.mark.parametrize(
    ("arguments", "task", "expected"),
    [
        pytest.param(["explain this"], "", ["ask", "explain this"], id="question"),
        pytest.param(["--task", "fix it"], "", ["task", "fix it"], id="task"),
        pytest.param([], "fix it", ["task", "fix it"], id="environment"),
        pytest.param(["index", "."], "fix it", ["index", "."], id="command"),
        pytest.param(["--help"], "", ["--help"], id="help"),
    ],
)
def test_module_forms(arguments: list[str], task: str, expected: list[str]) -> None:
    assert module_arguments(arguments, task) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(["--path", "/repos"], ["index", "--root", "/repos"], id="separate"),
        pytest.param(
            ["--path=/repos", "--json"], ["index", "--root=/repos", "--json"], id="joined"
        ),
    ],
)
def test_indexer_module(arguments: list[str], expected: list[str]) -> None:
    assert arguments_for_index(arguments) == expected


def test_a_search_explains_its_scores_and_says_when_nothing_matches(
    harness: Run, repository: Path
) -> None:
    harness("index", str(repository))
    found = document(harness("search", "register a route", "--explain", "--json"))
    assert found["matches_well"] is True
    assert len(found["parts"]) == len(found["results"])
    for hit, parts in zip(found["results"], found["parts"], strict=True):
        assert sum(parts.values()) == pytest.approx(hit["score"], abs=0.02)
    assert " = " in harness("search", "register a route", "--explain")[1]
    assert " = " not in harness("search", "register a route")[1].split("\n")[1]
    code, _, err = harness("search", "quantum chromodynamics of heavy lattices")
    assert (code, "nothing matches well" in err) == (0, True)
    code, _, err = harness("search", "regsiter a ruote")
    assert (code, "searched for: register a route" in err) == (0, True)
    assert (
        document(harness("search", "regsiter a ruote", "--json"))["reworded"] == "register a route"
    )
    none = document(harness("search", "quantum chromodynamics of heavy lattices", "--json"))
    assert none["match"] < 0.25
    assert none["matches_well"] is False
