"""What a command sees: programs wherever PATH names them, and nothing of the user's."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.environment import command_environment
from harness.workspace.visible import view


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home" / "ann"
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    return home


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def seen(path: list[Path], tmp_path: Path, *hidden: Path, **variables: str) -> set[str]:
    environment = {"PATH": ":".join(map(str, path)), **variables}
    shown = view(environment, hidden, ()).shown
    return {where for _, where in shown if Path(where).is_relative_to(tmp_path)}


def test_a_toolchain_is_the_folder_above_its_bin(home: Path, tmp_path: Path) -> None:
    tool = program(home / ".nvm" / "versions" / "v20" / "bin" / "node").parent
    assert seen([tool], tmp_path) == {str(tool.parent)}


@pytest.mark.parametrize("name", ["bin", ".local/bin", "src/web/bin", "keep/bin"])
def test_unless_that_holds_more_than_a_toolchain(home: Path, tmp_path: Path, name: str) -> None:
    tool = program(home / name / "tool").parent
    (home / "src" / "web" / ".git").mkdir(parents=True)
    (home / "keep" / "data").mkdir(parents=True)
    hidden = home / "keep" / "data"
    found = seen([tool], tmp_path, hidden)
    assert str(tool) in found
    covering = {str(home), str(tool.parent), str(home / "src"), str(hidden)}
    assert not covering & found


def test_links_in_a_folder_of_programs_are_followed(home: Path, tmp_path: Path) -> None:
    """pipx, uv and others keep each program's environment elsewhere, and that one its Python."""
    share = home / ".local" / "share"
    real = program(share / "pipx" / "venvs" / "black" / "bin" / "black")
    python = program(share / "uv" / "python" / "cpython-3.12" / "bin" / "python3.12")
    (real.parent / "python").symlink_to(python)
    (home / ".local" / "bin").mkdir(parents=True)
    (home / ".local" / "bin" / "black").symlink_to(real)
    assert seen([home / ".local" / "bin"], tmp_path) == {
        str(home / ".local" / "bin"),
        str(real.parent.parent),
        str(python.parent.parent),
    }


def test_credentials_in_a_toolchain_are_left_out(home: Path, tmp_path: Path) -> None:
    tool = program(home / ".tools" / "bin" / "t").parent
    (home / ".tools" / ".netrc").write_text("password")
    (home / ".tools" / "lib").mkdir()
    assert seen([tool], tmp_path) == {str(tool), str(home / ".tools" / "lib")}
    aws = program(home / ".ssh" / "bin" / "t").parent
    assert seen([aws], tmp_path) == set()


def test_what_is_hidden_is_never_shown(home: Path, tmp_path: Path) -> None:
    tool = program(tmp_path / "opt" / "bin" / "t").parent
    data = tmp_path / "opt" / "share" / "harness"
    data.mkdir(parents=True)
    (tmp_path / "opt" / "share" / "doc").mkdir()
    doc = str(tmp_path / "opt" / "share" / "doc")
    assert seen([tool, data], tmp_path, data, NODE_PATH=str(data)) == {str(tool), doc}
    found = seen([], tmp_path, data, JAVA_HOME=str(tmp_path / "opt" / "share"))
    assert found == {doc}


def test_the_home_and_relative_folders_are_never_shown(home: Path, tmp_path: Path) -> None:
    program(home / "t")
    variables = {"CARGO_HOME": str(home), "GOROOT": str(home.parent), "NODE_PATH": "lib"}
    assert seen([home, home.parent, Path("bin"), Path("/")], tmp_path, **variables) == set()
    assert not {"/", "/home", "/root", "/etc", "/run", "/var", "/tmp"} & {
        where for _, where in view({"PATH": "/:/etc:/var:/tmp:/run"}, (), ()).shown
    }


def test_versions_of_toolchains_below_the_home_are_found(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """rustup's programs only look for the compiler, below a home that a command does not have."""
    for variable in ("RUSTUP_HOME", "PYENV_ROOT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    program(home / ".rustup" / "toolchains" / "stable" / "bin" / "rustc")
    program(home / ".pyenv" / "versions" / "3.12" / "bin" / "python")
    program(tmp_path / "pyenv" / "versions" / "3.12" / "bin" / "python")
    found = command_environment()
    assert found["RUSTUP_HOME"] == str(home / ".rustup")
    assert found["PYENV_ROOT"] == str(tmp_path / "pyenv"), "what the user has set comes first"
    shown = view(found | {"PATH": ""}, (), ()).shown
    assert {str(home / ".rustup"), str(tmp_path / "pyenv")} <= {where for _, where in shown}
