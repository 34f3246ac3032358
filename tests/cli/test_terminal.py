"""The command line as a process: what it owes its terminal, its pipes and Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import typer.main

from harness.cli.app import app
from harness.cli.main import module_arguments
from tests.repositories import make_repository

COMMANDS = sorted(str(info.name or info.callback.__name__) for info in app.registered_commands)
# A name that is not UTF-8, in bytes as the file system has it and as Python reads it.
LATIN = "caf\udce9"

ASCII = [
    pytest.param({"PYTHONIOENCODING": "ascii"}, id="ascii"),
    pytest.param({"PYTHONIOENCODING": "ascii:strict"}, id="ascii, strictly"),
    pytest.param({"PYTHONIOENCODING": "latin-1"}, id="latin-1"),
    pytest.param({"LC_ALL": "C"}, id="C"),
    pytest.param(
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, id="C, nothing coerced"
    ),
    pytest.param({"LC_ALL": "", "LANG": "", "LC_CTYPE": "", "HOME": "/nowhere"}, id="nothing set"),
]


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with names and text beyond ASCII, indexed; beside it ``data`` and ``home``."""
    folder = tmp_path_factory.mktemp("terminal")
    files: dict[str, str | bytes] = {
        "ß.py": 'def grüße():\n    return "… 日本"\n',
        "plain.py": "def register_route(rule):\n    return rule\n" * 30,
    }
    repository = make_repository(folder / f"프로젝트 {LATIN}", files)
    (repository / f"{LATIN}.py").write_text("x = 1\n")
    done = call(repository, "index", ".", "--name", "flask")
    assert done.returncode == 0, done
    return repository


def environment(repository: Path, variables: dict[str, str] | None = None) -> dict[str, str]:
    own = ("HARNESS_", "OLLAMA_", "QDRANT_", "PREFECT_", "PYTHONIO", "LC_", "LANG", "COLUMNS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    data, home = repository.parent / "data", repository.parent / "home"
    defaults = {"HARNESS_DATA_DIR": str(data), "HOME": str(home), "LC_ALL": "C.UTF-8"}
    return kept | defaults | (variables or {})


def call(
    repository: Path, *arguments: str | bytes, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "harness", *arguments],
        cwd=repository,
        env=environment(repository, variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        # Whoever runs the tests in the background may ignore interrupts.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),
    )


@pytest.mark.parametrize("variables", ASCII)
def test_output_that_the_terminal_cannot_encode_is_replaced(
    indexed: Path, variables: dict[str, str]
) -> None:
    for arguments in (
        ("search", "grüße", "--limit", "1"),
        ("ask", "grüße"),
        ("status",),
        ("index", ".", "--name", "flask", "--dry-run"),
        ("doctor",),
    ):
        done = call(indexed, *arguments, variables=variables)
        assert done.returncode == 0, done
        assert b"Error" not in done.stderr, done
        assert done.stdout
        if variables.get("PYTHONIOENCODING", "").startswith("ascii"):
            assert done.stdout.isascii()
    found = call(indexed, "search", "grüße", "--json", "--limit", "1", variables=variables)
    document = json.loads(found.stdout)
    assert document["query"] == "grüße"
    assert document["results"][0]["path"] == "ß.py"
    assert found.stdout.isascii()


@pytest.mark.parametrize("command", ["search", "ask"])
def test_a_query_that_is_not_utf8_is_a_query(indexed: Path, command: str) -> None:
    done = call(indexed, command, b"caf\xe9 register route", "--json")
    assert done.returncode == 0, done
    document = json.loads(done.stdout)
    hits = document["results" if command == "search" else "citations"]
    assert hits[0]["path"] == "plain.py"
    if command == "search":
        assert document["query"] == "caf\\xe9 register route"


def test_names_that_are_not_utf8(indexed: Path) -> None:
    done = call(indexed, "search", "route", "--repo", b"caf\xe9")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"harness: 'caf\\\\xe9' is not indexed; indexed are: flask\n"
    done = call(indexed, "index", ".", "--name", b"caf\xe9", "--json")
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["repo"] == "caf\\xe9"
    assert call(indexed, "search", "route", "--repo", b"caf\xe9").returncode == 0
    assert call(indexed, "forget", b"caf\xe9").returncode == 0
    dry = call(indexed, "index", ".", "--dry-run")
    assert b"caf\\xe9.py  (skipped: not_text)" in dry.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("search", "route"),
        ("search", "route", "--json"),
        ("ask", "route"),
        ("status",),
        ("index", ".", "--dry-run"),
        ("index", ".", "--name", "flask", "--full"),
        ("--help",),
        ("search", "--help"),
        ("--version",),
    ],
    ids=" ".join,
)
def test_a_closed_pipe_is_quiet(indexed: Path, arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "harness", *arguments],
            cwd=indexed,
            env=environment(indexed),
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=120,
        )
    finally:
        os.close(writing)
    assert done.returncode == 0, done
    assert b"Error" not in done.stderr
    assert b"Traceback" not in done.stderr


def test_an_index_run_goes_on_when_nobody_reads_about_it(indexed: Path, tmp_path: Path) -> None:
    sources = [
        make_repository(tmp_path / name, {f"{name}.py": f"def {name}():\n    return 1\n"})
        for name in ("first", "second")
    ]
    reading, writing = os.pipe()
    os.close(reading)
    variables = {"HARNESS_DATA_DIR": str(tmp_path / "data")}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "harness", "index", *map(str, sources)],
            env=environment(indexed, variables),
            stdout=writing,
            stderr=writing,
            timeout=120,
        )
    finally:
        os.close(writing)
    assert done.returncode == 0
    listed = json.loads(call(indexed, "status", "--json", variables=variables).stdout)
    assert [repo["name"] for repo in listed["repos"]] == ["first", "second"]


@pytest.mark.parametrize("arguments", [("status",), ("search", "route", "--json"), ("--version",)])
def test_output_that_cannot_be_written_is_one_line(
    indexed: Path, arguments: tuple[str, ...]
) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "harness", *arguments],
            cwd=indexed,
            env=environment(indexed),
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=120,
        )
    assert done.returncode == 1
    assert done.stderr.startswith(b"harness: ")
    assert b"No space left on device" in done.stderr
    assert done.stderr.count(b"\n") == 1


def with_module(folder: Path, name: str, text: str) -> dict[str, str]:
    """Variables that put a module of this text in place of a library's."""
    (folder / f"{name}.py").write_text(text)
    return {"PYTHONPATH": os.pathsep.join((str(folder), os.environ.get("PYTHONPATH", "")))}


INTERRUPT = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"


@pytest.mark.parametrize(
    "module",
    [
        pytest.param("typer", id="starting"),
        pytest.param("pydantic", id="reading settings"),
        pytest.param("qdrant_edge", id="opening the store"),
    ],
)
def test_an_early_interrupt_is_quiet(indexed: Path, tmp_path: Path, module: str) -> None:
    variables = with_module(tmp_path, module, INTERRUPT)
    # With the dashes the parser reads the arguments.
    dashes = ["--"] if module == "typer" else []
    done = call(indexed, "search", *dashes, "route", variables=variables)
    assert done.returncode == 130, done
    assert done.stderr == b"harness: interrupted\n"
    assert done.stdout == b""


def test_an_interrupt_that_a_library_turns_into_an_error_is_one(
    indexed: Path, tmp_path: Path
) -> None:
    text = (
        "import os, signal\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "except KeyboardInterrupt:\n"
        "    raise ImportError('initialization failed') from None\n"
    )
    done = call(indexed, "search", "route", variables=with_module(tmp_path, "qdrant_edge", text))
    assert (done.returncode, done.stderr) == (130, b"harness: interrupted\n")


def test_an_ignored_interrupt_stays_ignored(indexed: Path, tmp_path: Path) -> None:
    variables = with_module(tmp_path, "qdrant_edge", INTERRUPT + "raise ImportError('went on')")
    done = subprocess.run(
        ["sh", "-c", 'trap "" INT; exec "$0" -m harness search route', sys.executable],
        env=environment(indexed, variables),
        capture_output=True,
    )
    assert done.returncode == 1
    assert b"went on" in done.stderr


def test_debug_shows_where_and_keeps_the_exit_code(indexed: Path) -> None:
    for arguments in (
        ("--debug", "search", "x", "--repo", "no"),
        ("search", "--debug", "x", "--repo=no"),
    ):
        done = call(indexed, *arguments)
        assert done.returncode == 2
        assert b"Traceback" in done.stderr
        assert done.stderr.splitlines()[-1].startswith(b"harness: 'no' is not indexed")
    assert module_arguments(["--debug", "why?"], "") == ["--debug", "ask", "why?"]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_says_debug_and_is_as_wide_as_the_terminal(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def shown(columns: int) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        arguments = [*([command] if command else []), "--help"]
        assert app(args=arguments, prog_name="harness", standalone_mode=False) in (0, None)
        return capsys.readouterr().out.splitlines()

    wide, narrow = shown(150), shown(70)
    assert "--debug" in "\n".join(wide)
    assert max(map(len, wide)) > 70
    assert max(map(len, wide)) <= 150
    fixed = set(examples(command)) if command else set()
    assert max(len(line) for line in narrow if line.strip() not in fixed) <= 70
    for example in fixed:  # a line that was wrapped could not be copied
        assert f"    {example}" in narrow


def examples(command: str) -> list[str]:
    info = next(i for i in app.registered_commands if command in (i.name, i.callback.__name__))
    return [line.strip() for line in str(info.epilog).splitlines() if line.startswith("  ")]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_example_is_understood(command: str) -> None:
    parser = typer.main.get_command(app)
    (line,) = [example for example in examples(command) if "harness " in example]
    words = shlex.split(line.replace("$(openssl rand -hex 32)", "secret"))
    words = words[words.index("harness") + 1 :]
    assert words[0] == command
    sub = parser.commands[command]  # type: ignore[attr-defined]
    sub.make_context(command, words[1:])


def test_the_examples_that_need_no_server_run(indexed: Path) -> None:
    for command in (
        "index",
        "search",
        "ask",
        "status",
        "eval",
        "doctor",
        "backup",
        "restore",
        "forget",
    ):
        script = re.sub(
            r"\bharness ",
            f"{shlex.quote(sys.executable)} -m harness ",
            "\n".join(examples(command)),
        )
        done = subprocess.run(
            ["bash", "-ec", script], cwd=indexed, env=environment(indexed), capture_output=True
        )
        assert done.returncode == 0, done
    again = call(indexed, "index", ".", "--name", "flask")
    assert again.returncode == 0, again


def test_completion_for_a_shell(indexed: Path) -> None:
    bash = ["bash", "-c", f"{shlex.quote(sys.executable)} -m harness --show-completion; exit $?"]
    done = subprocess.run(bash, env=environment(indexed), capture_output=True, text=True)
    assert done.returncode == 0, done
    assert "_HARNESS_COMPLETE" in done.stdout
    asked = {"_HARNESS_COMPLETE": "complete_bash", "COMP_WORDS": "harness sea", "COMP_CWORD": "1"}
    answer = call(indexed, variables=asked)
    assert answer.stdout.split() == [b"search"]
    option = {**asked, "COMP_WORDS": "harness search --li", "COMP_CWORD": "2"}
    assert call(indexed, variables=option).stdout.split() == [b"--limit"]


@pytest.mark.parametrize("name", ["root", "source", "labels", "repo"])
def test_a_home_folder_that_no_shell_expanded(indexed: Path, tmp_path: Path, name: str) -> None:
    source = make_repository(tmp_path / "home" / "code", {"a.py": "x = 1\n"})
    (source.parent / "labels.json").write_text('[{"query": "x", "relevant": ["a.py"]}]')
    data = str(tmp_path / "data")
    variables = {"HOME": str(source.parent), "HARNESS_DATA_DIR": data}
    assert call(indexed, "index", "~/code", variables=variables).returncode == 0
    arguments = {
        "root": ["index", "--root=~"],
        "source": ["index", "~/code", "--dry-run"],
        "labels": ["eval", "~/labels.json", "--repo", "code"],
        "repo": ["task", "x", "--repo=~/code"],
    }[name]
    done = call(indexed, *arguments, variables=variables)
    assert done.returncode == (3 if name == "repo" else 0), done  # 3: no model for a task
    nobody = [argument.replace("~", "~no-such-user/x") for argument in arguments]
    done = call(indexed, *nobody, variables=variables)
    assert done.returncode == 2, done
    assert b"home folder is not known" in done.stderr
    assert done.stderr.count(b"\n") == 1
