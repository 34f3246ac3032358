"""``harness index``: one repository and several, ends, reports, bad input."""

from __future__ import annotations

import json
import shutil
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness.index.run_lock import hold_repository
from harness.store.edge import EdgeStore
from tests.cli.runs import ROUTING, SESSION, Run, document
from tests.repositories import make_repository


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
        f"big_{n}.py": "".join(f"def f_{n}_{i}():\n    return {i}\n\n" for i in range(800))
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


def test_an_empty_folder_says_so(harness: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    answer = harness("index", str(tmp_path / "empty"), "--json")
    report = document(answer, code=1)
    assert (report["files_total"], report["chunks_total"]) == (0, 0)
    assert "nothing in it is text" in report["warnings"][0]
    assert "nothing in it is text" in answer[2]


def test_strange_files_and_names(harness: Run, tmp_path: Path) -> None:
    root = tmp_path / "strange\nweb: 9 files\x1b[8m"
    make_repository(
        root,
        {
            "a b/ü\n\x1b[31mname.py": "def strange_name():\n    return 1\n",
            "latin1.py": "# caf\xe9\n".encode("latin-1"),
            "greek.py": "# καφές\n".encode("iso-8859-7"),
            "nul.py": b"a\0b",
            "huge.js": b"x" * 50_000_000,
        },
    )
    (root / "loop").symlink_to(root)
    report = document(harness("index", str(root), "--json"))
    assert report["files_indexed"] == 2
    assert report["files_skipped"] == {"binary": 1, "not_text": 1, "symlink": 1, "too_large": 1}
    out = harness("search", "strange name")[1]
    # A file's name must not drive the terminal, nor break the line that says where it is.
    assert "a b/ü\\n\\x1b[31mname.py:1-2" in out
    found = document(harness("search", "strange name", "--json"))["results"]
    assert found[0]["path"] == "a b/ü\n\x1b[31mname.py"
    for command in (("index", str(root)), ("index", str(root), "--full"), ("status",)):
        _, out, err = harness(*command)
        assert "strange\\nweb: 9 files\\x1b[8m" in out
        # Nor may a folder's name make lines about other repositories.
        assert not [line for line in (out + err).split("\n") if line.startswith("web")]


def test_index_waits_for_another_run_of_the_repository(
    harness: Run, repository: Path, tmp_path: Path
) -> None:
    held, release = threading.Event(), threading.Event()

    def another_run() -> None:
        data = tmp_path / "data"
        with (
            closing(EdgeStore(data / "index")) as store,
            hold_repository(store, data, str(repository), "a flow's", "id"),
        ):
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
