"""The command line with the real embedded engines: contracts, exit codes, bad input."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.agent.events import AgentEvent, EventKind
from harness.cli.agent import progress_printer
from harness.cli.main import module_arguments, run
from harness.index.run_lock import hold_repository
from harness.indexer import arguments_for_index
from tests.repositories import make_repository

ROUTING = '''"""URL routing."""


class Router:
    """Keeps the table of routes."""

    def register_route(self, rule: str, handler: object) -> None:
        """Add a route: the handler is called when a request's path matches the rule."""
        self.table[rule] = handler
'''
SESSION = '''"""Cookies."""


def sign_cookie(value: str, key: str) -> str:
    """Return the session cookie's value with a signature."""
    return value + hmac(key, value)
'''
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def harness(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Run:
    for name in list(os.environ):
        if name.startswith(("HARNESS_", "OLLAMA_", "QDRANT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "data"))

    def call(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = run(list(arguments))
        out, err = capfd.readouterr()
        return code, out, err

    return call


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    files: dict[str, str | bytes] = {"app/routing.py": ROUTING, "app/session.py": SESSION}
    return make_repository(tmp_path / "web app", files)


def document(answer: tuple[int, str, str], code: int = 0) -> Any:
    assert answer[0] == code, answer
    return json.loads(answer[1])


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


def test_a_citation_of_a_changed_file_is_marked(harness: Run, repository: Path) -> None:
    harness("index", str(repository))
    (repository / "app" / "session.py").write_text("# rewritten\n")
    answer = document(harness("ask", "how is the session cookie signed?", "--json"))
    by_path = {c["path"]: c["verified"] for c in answer["citations"]}
    assert by_path["app/session.py"] is False
    assert by_path["app/routing.py"] is True
    marked = [p for p in answer["passages"] if "has changed since it was indexed" in p["text"]]
    assert [passage["citation"]["path"] for passage in marked] == ["app/session.py"]


def test_several_repositories_below_a_root(harness: Run, tmp_path: Path) -> None:
    for name, text in (("one", ROUTING), ("two", SESSION)):
        make_repository(tmp_path / "root" / name, {"code.py": text})
    reports = document(harness("index", "--root", str(tmp_path / "root"), "--json"))
    assert [report["repo"] for report in reports] == ["one", "two"]
    found = document(harness("search", "session cookie", "--repo", "one", "--json"))
    assert {hit["repo"] for hit in found["results"]} == {"one"}


def test_two_folders_of_one_name_are_two_repositories(harness: Run, tmp_path: Path) -> None:
    work = make_repository(tmp_path / "r/work/api", {"work.py": ROUTING})
    oss = make_repository(tmp_path / "r/oss/api", {"oss.py": SESSION})
    assert harness("index", str(work))[0] == 0
    code, out, err = harness("index", str(oss))
    assert (code, out, err.count("\n")) == (2, "", 1)
    for words in (str(work), str(oss), "--name oss/api"):
        assert words in err
    reports = document(harness("index", "--root", str(tmp_path / "r"), "--json"))
    assert [report["repo"] for report in reports] == ["oss/api", "api"]
    # Stable, whoever asks, and however.
    assert document(harness("index", str(oss), "--json"))["repo"] == "oss/api"
    both = document(harness("index", str(work), str(oss), "--json"))
    assert [report["repo"] for report in both] == ["api", "oss/api"]
    for query, path in (("register a route", "work.py"), ("sign the cookie", "oss.py")):
        found = document(harness("search", query, "--json"))["results"]
        assert found[0]["path"] == path


def test_a_repository_below_a_root_that_is_gone_is_said_and_kept(
    harness: Run, tmp_path: Path
) -> None:
    for name, text in (("one", ROUTING), ("two", SESSION)):
        make_repository(tmp_path / "root" / name, {"code.py": text})
    harness("index", "--root", str(tmp_path / "root"))
    shutil.rmtree(tmp_path / "root" / "two")
    code, _, err = harness("index", "--root", str(tmp_path / "root"))
    assert code == 0
    assert "warning: two" in err and "harness forget two" in err
    one, two = document(harness("status", "--json"))["repos"]
    assert (one["warnings"], two["chunks"]) == ([], 1)
    assert "its folder is gone" in two["warnings"][0]
    assert "warning: its folder is gone" in harness("status")[1]
    code, _, err = harness("index", str(tmp_path / "root" / "two"))
    assert code == 2 and "harness forget two" in err and "--name two" in err


def test_an_interrupted_first_run_says_what_is_there(
    harness: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: dict[str, str | bytes] = {f"part_{n}.py": ROUTING for n in range(4)}
    root = make_repository(tmp_path / "large", files)
    monkeypatch.setenv("HARNESS_BATCH_BYTES", "10000")
    files_big: dict[str, str | bytes] = {
        f"big_{n}.py": "".join(f"def f_{n}_{i}():\n    return {i}\n\n" for i in range(200))
        for n in range(3)
    }
    make_repository(root, files_big)
    from harness.index import run as run_module

    embed, calls = run_module.embed_batch, []

    def interrupted(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return embed(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(run_module, "embed_batch", interrupted)
        code, _, err = harness("index", str(root))
    assert code == 130
    (now,) = document(harness("status", "--json"))["repos"]
    assert now["incomplete"] is True
    assert now["files"] > 0 and now["chunks"] > 0
    said = f"interrupted: {now['files']} files of large with {now['chunks']} chunks are searchable"
    assert said in err and "run the same command again" in err
    assert (
        f"{now['files']} files, {now['chunks']} chunks so far (incomplete)"
        in (harness("status")[1])
    )
    index = {c["name"]: c for c in document(harness("doctor", "--json"))["checks"]}["index"]
    assert f"{now['chunks']} chunks" in index["detail"] and "incomplete" in index["detail"]
    assert document(harness("search", "f_0_1", "--json"))["results"]
    report = document(harness("index", str(root), "--json"))
    assert report["files_indexed"] == 7 - now["files"]
    (now,) = document(harness("status", "--json"))["repos"]
    assert (now["incomplete"], now["files"]) == (False, 7)


def test_an_interrupt_ends_the_list_and_keeps_its_reports(
    harness: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two", "three"):
        make_repository(tmp_path / "root" / name, {"code.py": ROUTING})
    from harness.index import run as run_module

    embed = run_module.embed_batch

    def interrupted(work: Any, *arguments: Any) -> Any:
        if work.repo == "three":
            raise KeyboardInterrupt
        return embed(work, *arguments)

    monkeypatch.setattr(run_module, "embed_batch", interrupted)
    answer = harness("index", "--root", str(tmp_path / "root"), "--json")
    assert [report["repo"] for report in document(answer, code=130)] == ["one"]
    assert "nothing of three is searchable yet" in answer[2]
    repos = document(harness("status", "--json"))["repos"]
    assert {repo["name"]: repo["incomplete"] for repo in repos} == {"one": False, "three": True}


def test_interrupted_before_anything_was_stored(
    harness: Run, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.index.run.embed_batch", interrupt)
    code, _, err = harness("index", str(repository))
    assert code == 130
    assert "nothing of web app is searchable yet" in err


def test_without_text_nothing_was_achieved(harness: Run, tmp_path: Path) -> None:
    root = make_repository(tmp_path / "images", {"a.bin": b"\0\1", "b.png": b"\x89PNG\0"})
    code, out, err = harness("index", str(root))
    assert code == 1
    assert "nothing to index (2 files" in out
    assert "2 binary" in err
    blank = make_repository(tmp_path / "blank", {"a.py": "\n\n  \n"})
    code, _, err = harness("index", str(blank))
    assert code == 1 and "1 empty" in err
    # Beside another one it is a warning.
    other = make_repository(tmp_path / "web", {"a.py": ROUTING})
    code, _, err = harness("index", str(root), str(other))
    assert code == 0 and "warning: images: nothing in it is text" in err
    assert "warning: nothing in it is text" in harness("status")[1]


def test_each_repository_of_several_has_its_number(harness: Run, tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_repository(tmp_path / "root" / name, {"code.py": ROUTING})
    err = harness("index", "--root", str(tmp_path / "root"))[2]
    assert "repository 1 of 2: one: 1 files to index" in err
    assert "repository 2 of 2: two: 1 files to index" in err


def test_ask_shows_passages_whatever_becomes_of_the_model(
    harness: Run, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness("index", str(repository))
    question = "how is the session cookie signed?"
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    code, out, err = harness("ask", question)
    assert code == 3
    assert "app/session.py:" in out and "127.0.0.1:9" in err
    answer = document(harness("ask", question, "--json"), code=3)
    assert answer["passages"] and answer["citations"] and answer["error"]
    assert (answer["status"], answer["answer"]) == ("model_unavailable", "")


def test_the_demo_model_answers_only_when_asked_to(
    harness: Run, repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from harness.agent import ScriptedChatModel
    from harness.models import demo_chat

    asked: list[ScriptedChatModel] = []

    def demo(**_: object) -> ScriptedChatModel:
        asked.append(ScriptedChatModel(["It is in app/session.py:4."], tools=False))
        return asked[-1]

    monkeypatch.setattr(demo_chat, "DemoChatModel", demo)
    monkeypatch.setattr(demo_chat, "available", lambda: True)
    harness("index", str(repository))
    question = "how is the session cookie signed?"
    assert "[demo model" not in harness("ask", question)[1]
    assert not asked
    out = harness("ask", question, "--demo")[1]
    assert len(asked) == 1
    passages, _, words = out.partition("[demo model")
    assert "app/session.py:" in passages and "It is in app/session.py:4." in words
    repository.rename(tmp_path / "elsewhere")
    code, out, _ = harness("ask", question, "--demo")
    assert code == 0
    assert "its folder is gone" in out and "It is in app/session.py:4." in out


def test_without_the_demo_model_the_passages_are_there(
    harness: Run, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.errors import ModelMissingError
    from harness.models import demo_chat

    def missing(**_: object) -> None:
        raise ModelMissingError("the demo model is not installed; run `make chat-model`")

    monkeypatch.setattr(demo_chat, "DemoChatModel", missing)
    harness("index", str(repository))
    code, out, err = harness("ask", "how is the cookie signed", "--demo")
    assert code == 3
    assert "app/session.py:" in out and "make chat-model" in err


def test_one_broken_source_does_not_stop_the_others(
    harness: Run, repository: Path, tmp_path: Path
) -> None:
    code, out, err = harness("index", str(tmp_path / "missing"), str(repository), "--json")
    assert code == 2
    assert [report["repo"] for report in json.loads(out)] == ["web app"]
    assert "missing" in err


def test_dry_run_stores_nothing(harness: Run, repository: Path) -> None:
    (repository / ".env").write_text("TOKEN=1")
    (repository / "image.png").write_bytes(b"\x89PNG\0")
    (repository / "blob").write_bytes(b"a\0b")
    listed = document(harness("index", str(repository), "--dry-run", "--json"))
    assert listed["files"] == ["app/routing.py", "app/session.py"]
    reasons = {item["path"]: item["reason"] for item in listed["skipped"]}
    assert reasons == {".env": "secret", "blob": "binary", "image.png": "binary"}
    rules = {item["path"]: item["rule"] for item in listed["skipped"]}
    assert rules == {".env": "the name .env", "blob": "its content", "image.png": "the name *.png"}
    shown = harness("index", str(repository), "--dry-run")[1]
    assert "image.png  (skipped: binary)  rule: the name *.png" in shown
    assert document(harness("status", "--json"))["repos"] == []


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


def test_an_empty_folder_says_so(harness: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    answer = harness("index", str(tmp_path / "empty"), "--json")
    report = document(answer, code=1)
    assert (report["files_total"], report["chunks_total"]) == (0, 0)
    assert "nothing in it is text" in report["warnings"][0]
    assert "nothing in it is text" in answer[2]


def test_strange_files_and_names(harness: Run, tmp_path: Path) -> None:
    root = tmp_path / "strange"
    make_repository(
        root,
        {
            "a b/ü\n\x1b[31mname.py": "def strange_name():\n    return 1\n",
            "latin1.py": "# caf\xe9\n".encode("latin-1"),
            "nul.py": b"a\0b",
            "huge.js": b"x" * 50_000_000,
        },
    )
    (root / "loop").symlink_to(root)
    report = document(harness("index", str(root), "--json"))
    assert report["files_indexed"] == 1
    assert report["files_skipped"] == {"binary": 1, "not_text": 1, "symlink": 1, "too_large": 1}
    out = harness("search", "strange name")[1]
    assert "\x1b[31m" not in out  # a file's name must not drive the terminal
    found = document(harness("search", "strange name", "--json"))["results"]
    assert found[0]["path"] == "a b/ü\n\x1b[31mname.py"


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


def test_index_waits_for_another_run_of_the_repository(
    harness: Run, repository: Path, tmp_path: Path
) -> None:
    held, release = threading.Event(), threading.Event()

    def another_run() -> None:
        with hold_repository(tmp_path / "data", str(repository), "a flow's", "id"):
            held.set()
            release.wait(30)

    thread = threading.Thread(target=another_run)
    thread.start()
    held.wait()
    # Looking disturbs nobody.
    assert harness("index", str(repository), "--dry-run")[0] == 0
    threading.Timer(1.5, release.set).start()
    code, out, err = harness("index", str(repository), "--json")
    thread.join()
    assert (code, json.loads(out)["files_indexed"]) == (0, 2)
    assert "another run is indexing this repository; waiting for its end" in err


HEAVY = ("prefect", "qdrant_client", "qdrant_edge", "onnxruntime", "numpy", "tree_sitter")


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


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "file"])
def test_a_terminal_is_told_that_the_model_is_at_work(
    monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    class Stderr(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    shown = Stderr()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setenv("TERM", "xterm")
    show = progress_printer(quiet=False)
    show(AgentEvent(EventKind.STEP, "step 1", 1))
    show(AgentEvent(EventKind.TOKEN, "I look", 1))
    show(AgentEvent(EventKind.CALL, '{"pattern": "x"}', 1, "grep", "grep x"))
    while_called = shown.getvalue()
    show(AgentEvent(EventKind.OUTPUT, "a:1:x\na:2:x\na:3:x", 1, "grep", "grep x: 3 lines"))
    show(AgentEvent(EventKind.END, "ok", 1))
    assert ("step 1: the model has written" in while_called) is terminal
    # Nothing is drawn over the question whether a command may run.
    assert shown.getvalue() == while_called + "[1] grep x: 3 lines\n"
