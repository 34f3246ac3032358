"""`harness repositories`: contracts and bad input."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from harness.repository.git import run_git
from tests.cli.runs import Run, document
from tests.fakes.git_server import http_server
from tests.repositories import commit_all, make_repository
from tests.repository.credentials_dir import make_credential
from tests.repository.test_extra import link, pointer

URL = "https://git.example.org/team/web.git"


def test_add_list_remove(harness: Run, repository: Path) -> None:
    added = document(
        harness(
            *("repositories", "add", URL, "--ref", "next", "--credential", "team"),
            *("--no-check", "--json"),
        )
    )
    assert set(added) == {
        "name", "source", "ref", "include", "exclude", "credential", "registered", "state",
        "commit", "indexed_at", "changed", "warnings", "submodules", "lfs", "standing",
    }  # fmt: skip
    assert (added["name"], added["source"]) == ("web", URL.removesuffix(".git"))
    assert harness("repositories", "add", str(repository))[0] == 0
    harness("repositories", "add", str(repository), "--exclude", "app/session.py")
    report = document(harness("index", str(repository), "--json"))
    assert report["files_indexed"] == 1
    listed = document(harness("repositories", "list", "--json"))["repositories"]
    assert {one["name"]: one["state"] for one in listed} == {"web": "new", "web app": "indexed"}
    out = harness("repositories", "list")[1]
    assert "credential team" in out and "not app/session.py" in out
    assert "registered, not indexed yet" in harness("status")[1]
    assert document(harness("repositories", "remove", "web", "--json"))["chunks_removed"] == 0
    assert [r["name"] for r in document(harness("status", "--json"))["repos"]] == ["web app"]


def test_apply(harness: Run, tmp_path: Path) -> None:
    team = tmp_path / "team.json"
    team.write_text(f'[{{"url": "{URL}"}}, {{"url": "{URL}2", "name": "web"}}]')
    code, out, err = harness("repositories", "apply", str(team), "--json")
    rows = json.loads(out)["repositories"]
    assert code == 2 and [row["change"] for row in rows] == ["added", "refused"]
    assert err.count("\n") == 1 and "the name 'web' belongs to" in err
    team.write_text("[]")
    code, out, err = harness("repositories", "apply", str(team))
    assert code == 0 and "no longer in the team's list" in err
    assert "no longer in the team's list" in harness("status")[1]
    code, _, err = harness("repositories", "apply")
    assert code == 2 and "HARNESS_REPOSITORIES_FILE" in err


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param("https://user:planted@git.example.org/web", "holds a credential", id="user"),
        pytest.param("https://git.example.org/web?t=planted", "holds a credential", id="query"),
        pytest.param("/does/not/exist", "does not exist", id="no folder"),
    ],
)
def test_what_cannot_be_added(harness: Run, source: str, message: str) -> None:
    code, out, err = harness("repositories", "add", source)
    assert (code, out) == (2, "")
    assert message in err and err.count("\n") == 1
    assert "planted" not in err


def test_a_url_is_indexed_at_a_commit_and_read_from_the_server(
    harness: Run, tmp_path: Path
) -> None:
    """What is unchanged is known by git's ids, although each run has a checkout of its own."""
    served = make_repository(tmp_path / "served/web", {"a.py": "a = 1\n", "b.py": "b = 1\n"})
    run_git(["checkout", "-qb", "next"], served, 30)
    url = served.as_uri()
    report = document(harness("index", url, "--ref", "next", "--exclude", "b.py", "--json"))
    assert (report["path"], report["files_indexed"]) == (url, 1)
    (listed,) = document(harness("repositories", "list", "--json"))["repositories"]
    assert (listed["ref"], listed["exclude"], listed["state"]) == ("next", ["b.py"], "indexed")
    (served / "c.py").write_text("c = 1\n")
    commit_all(served)
    report = document(harness("index", url, "--json"))
    assert (report["files_indexed"], report["files_unchanged"]) == (1, 1)
    head = run_git(["rev-parse", "next"], served, 30).stdout.decode().strip()
    (status,) = document(harness("status", "--json"))["repos"]
    assert (status["commit"], status["path"], status["registered"]) == (head, url, True)
    assert list((tmp_path / "data/checked-out").iterdir()) == []
    shutil.rmtree(tmp_path / "data/mirrors")  # it is a cache
    assert document(harness("index", url, "--json"))["files_unchanged"] == 2
    assert "go with git URLs" in harness("index", str(served), "--ref", "next")[2]


def test_sync_asks_first_and_one_failure_stops_no_other(harness: Run, tmp_path: Path) -> None:
    served = make_repository(tmp_path / "served/web", {"a.py": "a = 1\n"})
    folder = make_repository(tmp_path / "tools", {"a.py": "a = 1\n"})
    gone = make_repository(tmp_path / "gone", {"a.py": "a = 1\n"})
    lost = make_repository(tmp_path / "served/lost", {"a.py": "a = 1\n"})
    for source in (served.as_uri(), str(folder), str(gone), lost.as_uri()):
        assert harness("repositories", "add", source)[0] == 0
    shutil.rmtree(gone)
    lost.rename(tmp_path / "elsewhere")
    answer = harness("repositories", "sync", "--json")
    rows = {row["name"]: row for row in document(answer, 2)["repositories"]}
    assert {name: row["state"] for name, row in rows.items()} == {
        "web": "indexed", "tools": "indexed", "gone": "gone", "lost": "failed",
    }  # fmt: skip
    assert "cannot fetch" in rows["lost"]["error"]
    listed = document(harness("repositories", "list", "--json"))["repositories"]
    states = {one["name"]: (one["state"], bool(one["warnings"])) for one in listed}
    assert states["gone"] == ("gone", True) and states["lost"] == ("warning", True)

    (tmp_path / "elsewhere").rename(lost)
    rows = {
        r["name"]: r for r in document(harness("repositories", "sync", "--json"))["repositories"]
    }
    assert (rows["web"]["state"], rows["lost"]["state"]) == ("unchanged", "indexed")
    (served / "b.py").write_text("b = 1\n")
    commit_all(served)
    (row,) = document(harness("repositories", "sync", "web", "--json"))["repositories"]
    assert (row["state"], row["changed"]) == ("indexed", 1)
    assert row["before"] != row["after"]
    assert "web: unchanged" in harness("repositories", "sync", "web")[1]
    assert harness("repositories", "sync", "nothing")[0] == 2


def test_a_credential_in_a_url_is_shown_and_kept_nowhere(harness: Run, tmp_path: Path) -> None:
    make_repository(tmp_path / "served/web", {"a.py": "def sign_cookie():\n    pass\n"})
    with http_server(tmp_path / "served", "planted-4711-token") as server:
        url = server.url.replace("//", "//somebody:planted-4711-token@") + "/web/.git"
        said = [harness("index", url, "--debug"), harness("index", url, "--json")]
        assert [code for code, _, _ in said] == [0, 0], said
        assert set(server.logins) == {"somebody:planted-4711-token"}
    said += [harness("index", url, url + "x"), harness("index", url, "--dry-run", "--debug")]
    said += [harness("status", "--json"), harness("repositories", "list"), harness("ask", "cookie")]
    for _, out, err in said:
        assert "planted" not in out + err and "somebody" not in out + err
    (listed,) = document(harness("repositories", "list", "--json"))["repositories"]
    assert listed["source"] == f"{server.url}/web"
    for path in (tmp_path / "data").rglob("*"):
        assert path.is_dir() or b"planted-4711" not in path.read_bytes(), path


def test_a_name_is_taken_by_a_folder_or_a_url_never_by_both(harness: Run, tmp_path: Path) -> None:
    folder = make_repository(tmp_path / "work/api", {"a.py": "def of_work():\n    pass\n"})
    served = make_repository(tmp_path / "served/api", {"b.py": "def of_served():\n    pass\n"})
    assert harness("index", str(folder))[0] == 0
    for command in ("index", "repositories add"):
        code, _, err = harness(*command.split(), served.as_uri())
        assert code == 2 and "belongs to" in err and "--name served/api" in err
    assert harness("index", str(folder), served.as_uri())[0] == 0
    for word, name in (("of_work", "api"), ("of_served", "served/api")):
        found = document(harness("search", word, "--json"))["results"]
        assert found[0]["repo"] == name
    assert len(list((tmp_path / "data/mirrors").glob("*.git"))) == 1
    assert harness("forget", "served/api")[0] == 0
    assert list((tmp_path / "data/mirrors").glob("*.git")) == []


def test_a_private_repository(
    harness: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_repository(tmp_path / "served/web", {"a.py": "def sign_cookie():\n    pass\n"})
    credentials = tmp_path / "credentials"
    monkeypatch.setenv("HARNESS_CREDENTIALS_DIR", str(credentials))
    with http_server(tmp_path / "served", "planted-4711-token") as server:
        url = f"{server.url}/web/.git"
        make_credential(credentials, "broken", "", password="x")
        checks = document(harness("doctor", "--json"), 1)["checks"]
        (check,) = [one for one in checks if one["name"] == "credentials"]
        assert not check["ok"] and "no host is named" in check["detail"]
        shutil.rmtree(credentials)
        make_credential(credentials, "team", server.url, password="planted-4711-wrong\n")
        code, _, err = harness("repositories", "add", url, "--credential", "team")
        assert code == 2 and err.count("\n") == 1
        assert "refuses the password of the credential 'team'" in err
        assert document(harness("repositories", "list", "--json"))["repositories"] == []
        make_credential(credentials, "team", server.url, password="planted-4711-token\n")
        assert harness("repositories", "add", url, "--credential", "team")[0] == 0
        assert document(harness("index", url, "--json"))["files_indexed"] == 1
        web = tmp_path / "served/web"
        link(web, "lib", make_repository(tmp_path / "served/lib", {"b.py": "def b():\n    pass\n"}),
             f"{server.url}/lib/.git")  # fmt: skip
        large = b"def large():\n    pass\n"
        (web / "large.py").write_bytes(pointer(large))
        commit_all(web)
        server.large[hashlib.sha256(large).hexdigest()] = large
        report = document(harness("index", url, "--json"))
        assert report["files_skipped"] == {"binary": 1, "submodule": 1}
        added = document(harness("repositories", "add", url, "--submodules", "--lfs", "--json"))
        assert (added["submodules"], added["lfs"], added["state"]) == (True, True, "warning")
        (row,) = document(harness("repositories", "sync", "--json"))["repositories"]
        assert (row["state"], row["after"]) == ("indexed", report["commit"])
        (status,) = document(harness("status", "--json"))["repos"]
        assert (status["files"], status["lfs"], status["state"]) == (4, True, "indexed")
        assert "    with submodules and LFS files" in harness("status")[1]
        found = document(harness("search", "large", "--json"))["results"]
        assert found[0]["text"].startswith("def large")
        for source in (server.url.replace("//", "//x:planted-4711-wrong@") + "/web/.git", url):
            code, _, err = harness("index", source, "--credential", "other")
            assert code == 2 and "there is no credential 'other'" in err and "planted" not in err
    code, _, err = harness("index", url)
    assert code == 3 and "cannot be reached" in err and err.count("\n") == 1
    for path in (tmp_path / "data").rglob("*"):
        assert path.is_dir() or b"planted-4711" not in path.read_bytes()
