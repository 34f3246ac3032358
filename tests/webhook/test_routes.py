"""Which indexed repository a clone URL belongs to."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import InvalidSettingError
from harness.repository.git import run_git
from harness.types import RepositoryRecord
from harness.webhook.routes import Target, known_routes, normalise
from tests.repositories import make_repository


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.org/team/app", "https://git.example.org/team/app.git",
        "https://user:token@git.example.org/team/app.git/", "http://GIT.example.org:80/Team/App",
        "ssh://git@git.example.org/team/app.git", "ssh://git@git.example.org:22/team/app",
        "git@git.example.org:team/app.git", "git.example.org:/team/app", "git://git.example.org/team/app",
    ],
)  # fmt: skip
def test_one_repository_has_many_addresses(url: str) -> None:
    assert normalise(url) == "git.example.org/team/app"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://git.example.org:3000/a/b.git", "git.example.org:3000/a/b"),
        ("file:///srv/Git/app.git", "/srv/Git/app"),
        ("/srv/Git/app.git", "/srv/Git/app"),
        ("https://[::1]/a/b", "[::1]/a/b"),
        ("https://host:99999/a", ""),
        ("https://host", ""),
        ("nonsense", ""),
        ("", ""),
    ],
)
def test_addresses(url: str, expected: str) -> None:
    assert normalise(url) == expected


def record(name: str, path: Path) -> RepositoryRecord:
    return RepositoryRecord(name, str(path), "", "c", "m", 0, 0, 0, "")


def test_routes_come_from_clones_origins_and_the_mapping(tmp_path: Path) -> None:
    served = make_repository(tmp_path / "served" / "lib", {"a.py": "x = 1\n"})
    lib = replace(record("lib", tmp_path), path=f"file://{served}", source=f"file://{served}")
    folder = make_repository(tmp_path / "app", {"a.py": "x = 1\n"})
    origin = "https://user:secret-token@git.example.org/team/app.git"
    run_git(["remote", "add", "origin"], folder, 30, operands=[origin])
    mapping = tmp_path / "mapping.json"
    mapping.write_text(json.dumps({"git@git.example.org:team/x.git": {"name": "x"}}))
    routes = known_routes(
        [replace(lib, ref="next"), record("app", folder), record("gone", tmp_path / "gone")],
        mapping_file=mapping,
    )
    assert routes == {
        str(served): Target("lib", f"file://{served}", "next"),
        "git.example.org/team/app": Target("app", str(folder), "main"),
        "git.example.org/team/x": Target("x", "git@git.example.org:team/x.git"),
    }


def routes_of(tmp_path: Path, mapped: dict[str, object], *records: RepositoryRecord) -> list[str]:
    mapping = tmp_path / "mapping.json"
    mapping.write_text(json.dumps(mapped))
    found = known_routes(list(records), mapping_file=mapping)
    return [f"{target.name}={target.source}" for target in found.values()]


def test_two_sources_of_one_name_are_kept_apart(tmp_path: Path) -> None:
    """Pushes are kept by name: the second would take the first one's place."""
    work, oss = "https://h.example/work/api", "https://h.example/oss/api"
    mapped: dict[str, object] = {work: {"name": "api"}, oss: {"name": "api"}}
    assert routes_of(tmp_path, mapped) == [f"api={work}", f"oss/api={oss}"]
    # An indexed one has the name first, and keeps its own whatever the file says.
    other = record("api", tmp_path / "api")
    assert routes_of(tmp_path, mapped, other) == [f"work/api={work}", f"oss/api={oss}"]
    own = replace(record("backend", tmp_path / "x"), source=work)
    assert routes_of(tmp_path, {work: {"name": "api"}}, own) == [f"backend={work}"]


def test_two_addresses_of_one_source_have_one_name(tmp_path: Path) -> None:
    mapped: dict[str, object] = {
        "https://h.example/api": {"name": "api", "source": "/repos/api"},
        "https://mirror.example/api": {"name": "api", "source": "/repos/api/"},
    }
    assert routes_of(tmp_path, mapped) == ["api=/repos/api", "api=/repos/api/"]


def test_a_clone_on_another_volume_is_known_by_its_record(tmp_path: Path) -> None:
    url = "https://h.example/work/api"
    there = replace(record("api", Path("/data/checkouts/api-1")), source=url)
    assert routes_of(tmp_path, {}, there) == [f"api={url}"]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"x": {}}',
        '{"https://h/a": {}}',
        '{"https://h/a": "b"}',
        '{"https://planted@h/a": {"name": "a"}}',
        '{"https://h/a": {"name": "a", "source": "https://u:planted@h/a"}}',
    ],
)
def test_a_wrong_mapping_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(InvalidSettingError, match="HARNESS_WEBHOOK_REPOSITORIES"):
        known_routes([], mapping_file=tmp_path / "m.json")
