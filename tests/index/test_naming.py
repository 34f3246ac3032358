"""Whose a name is: a repository is its source, whatever it is called."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from harness.engines import Engines
from harness.errors import NameTakenError, UsageError
from harness.index.finalizing import finalize
from harness.index.forgetting import forget_repository
from harness.index.naming import (
    Claim,
    check_claim,
    known_as,
    left_out,
    names_for,
    one_name,
    vanished_below,
)
from harness.index.options import IndexOptions
from harness.index.planning import plan
from harness.index.run import index_repository
from harness.repository.sources import clone_folder, source_of
from harness.store.edge import EdgeStore
from harness.types import RepositoryRecord
from tests.fakes.embedder import HashEmbedder
from tests.repositories import commit_all, make_repository


def record(name: str, source: str, path: str = "", commit: str = "") -> RepositoryRecord:
    return RepositoryRecord(name, path or source, commit, "c", "m", 1, 1, 0, "now", source=source)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("https://git.example.org/work/api", "https://git.example.org/work/api.git"),
        ("https://user:token@git.example.org/work/api.git/", "https://GIT.example.org/work/api"),
        ("git@git.example.org:work/api.git", "git@git.example.org:work/api"),
        ("file:///srv/api/.git", "file:///srv/api"),
        ("/srv/./work/../work/api/", "/srv/work/api"),
    ],
)
def test_one_source_is_spelt_in_many_ways(left: str, right: str) -> None:
    assert source_of(left) == source_of(right)
    assert "token" not in source_of(left)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("https://git.example.org/work/api", "https://git.example.org/oss/api"),
        ("https://git.example.org/api", "https://other.example.org/api"),
        ("https://git.example.org/api", "https://git.example.org:8443/api"),
        ("https://git.example.org/work/Api", "https://git.example.org/work/api"),
        ("file:///srv/api", "/srv/api"),
        ("/srv/work/api", "/srv/oss/api"),
        ("/srv/api.git", "/srv/api"),
    ],
)
def test_what_is_alike_is_not_the_same(left: str, right: str) -> None:
    assert source_of(left) != source_of(right)
    assert len(set(names_for([source_of(left), source_of(right)], []).values())) == 2


def test_a_link_leads_to_the_same_repository(tmp_path: Path) -> None:
    (tmp_path / "api").mkdir()
    (tmp_path / "link").symlink_to("api")
    assert source_of(str(tmp_path / "link")) == str(tmp_path / "api")


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        pytest.param(["/r/a", "/r/b"], ["a", "b"], id="different"),
        pytest.param(["/r/oss/api", "/r/work/api"], ["api", "work/api"], id="second"),
        pytest.param(
            ["/r/x/s/api", "/r/y/s/api", "/r/z/s/api"], ["api", "s/api", "z/s/api"], id="third"
        ),
        pytest.param(
            ["/r/api", "https://h.example/oss/api", "git@h.example:work/api"],
            ["api", "oss/api", "work/api"], id="urls",
        ),
        pytest.param(["https://h.example/api", "/api"], ["api", "api-2"], id="nothing-before-it"),
        pytest.param(["/"], ["root"], id="root"),
    ],
)  # fmt: skip
def test_names_that_nobody_chose(sources: list[str], names: list[str]) -> None:
    assert list(names_for(sources, []).values()) == names


def test_names_stay_from_run_to_run_whatever_else_appears() -> None:
    records = [record("api", "/r/work/api"), record("backend", "/r/x/api")]
    wanted = ["/r/oss/api", "/r/work/api", "/r/x/api"]
    names = names_for(wanted, records)
    assert names == {"/r/oss/api": "oss/api", "/r/work/api": "api", "/r/x/api": "backend"}
    again = [*records, record("oss/api", "/r/oss/api")]
    assert names_for(wanted, again) == names_for(wanted[::-1], again) == names


def test_a_source_under_several_names_goes_on_under_its_own() -> None:
    records = [record("a", "/r/api"), record("api", "/r/api")]
    found = known_as("/r/api", records)
    assert found is not None and found.name == "api"


def test_the_one_who_names_a_folder_chooses() -> None:
    records = [record("api", "/r/work/api")]
    other = Claim("/r/oss/api", Path("/r/oss/api"))
    for wanted in (None, "api"):
        with pytest.raises(NameTakenError) as refused:
            one_name(other, wanted, records)
        for words in ("/r/work/api", "/r/oss/api", "--name oss/api"):
            assert words in str(refused.value)
    assert one_name(other, "mine", records) == "mine"
    assert one_name(Claim("/r/work/api", Path("/r/work/api")), None, records) == "api"


def test_records_of_former_versions_have_a_folder_alone(tmp_path: Path) -> None:
    url = source_of("https://git.example.org/work/api.git")
    # The data directory has been moved since.
    clone = tmp_path / "elsewhere" / "checkouts" / clone_folder(url)
    records = [
        RepositoryRecord("api", str(clone), "", "c", "m", 1, 1, 0, "now"),
        RepositoryRecord("web", "/r/web", "", "c", "m", 1, 1, 0, "now"),
    ]
    assert names_for([url, "/r/web"], records) == {url: "api", "/r/web": "web"}
    other = source_of("https://git.example.org/oss/api.git")
    assert names_for([other], records) == {other: "oss/api"}


# With real folders

Index = Callable[..., object]


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Engines]:
    with Engines(HashEmbedder(), EdgeStore(tmp_path / "index"), tmp_path / "data") as engines:
        yield engines


def repository(root: Path, word: str) -> Path:
    return make_repository(root, {f"{word}.py": f"def {word}():\n    return 1\n"})


def content(engines: Engines) -> dict[str, list[str]]:
    """Files of every repository in the index."""
    return {
        r.name: list(engines.store.file_records(r.collection, r.name))
        for r in engines.store.repositories()
    }


def test_planning_itself_refuses_a_name_of_another_source(tmp_path: Path, engines: Engines) -> None:
    work, oss = repository(tmp_path / "work/api", "work"), repository(tmp_path / "oss/api", "oss")
    index_repository("api", work, engines, IndexOptions())
    before = engines.store.repositories()
    with pytest.raises(NameTakenError, match="nothing was changed"):
        index_repository("api", oss, engines, IndexOptions())
    with pytest.raises(NameTakenError):
        index_repository("api", work, engines, IndexOptions(), source="https://h.example/api")
    assert engines.store.repositories() == before
    assert content(engines) == {"api": ["work.py"]}


def test_of_two_at_once_one_gets_the_name(tmp_path: Path, engines: Engines) -> None:
    roots = [repository(tmp_path / word / "api", word) for word in ("work", "oss")]
    start = threading.Barrier(2)

    def index(root: Path) -> str:
        start.wait()
        try:
            return index_repository("api", root, engines, IndexOptions()).path
        except NameTakenError:
            return ""

    with ThreadPoolExecutor() as pool:
        (path,) = filter(None, pool.map(index, roots))
    (now,) = engines.store.repositories()
    assert now.path == path
    assert content(engines) == {"api": [f"{Path(path).parent.name}.py"]}


def test_a_name_that_was_given_away_meanwhile_is_not_taken_back(
    tmp_path: Path, engines: Engines
) -> None:
    work, oss = repository(tmp_path / "work/api", "work"), repository(tmp_path / "oss/api", "oss")
    begun = plan("api", work, engines, IndexOptions())
    forget_repository("api", engines)
    index_repository("api", oss, engines, IndexOptions())
    before = engines.store.repositories()
    with pytest.raises(NameTakenError):
        finalize(begun, [], engines, seconds=1.0)
    assert engines.store.repositories() == before


@pytest.mark.parametrize("place", ["new/api", "old/renamed"])
def test_a_moved_folder_takes_its_name_along(tmp_path: Path, engines: Engines, place: str) -> None:
    old = repository(tmp_path / "old/api", "work")
    index_repository("api", old, engines, IndexOptions())
    new = tmp_path / place
    new.parent.mkdir(exist_ok=True)
    old.rename(new)
    (new / "more.py").write_text("def more():\n    return 2\n")
    commit_all(new)
    records = engines.store.repositories()
    assert names_for([str(new)], records) == {str(new): "api"}
    assert one_name(Claim(str(new), new), None, records) == "api"
    report = index_repository("api", new, engines, IndexOptions())
    assert report.warnings == (f"its folder was {old} and is now {new}",)
    assert report.chunks_reused + report.files_unchanged > 0
    (now,) = engines.store.repositories()
    assert (now.path, now.source, now.warnings) == (str(new), str(new), ())
    assert content(engines) == {"api": ["more.py", "work.py"]}


def test_of_two_folders_that_are_gone_neither_gives_its_name(tmp_path: Path) -> None:
    one = repository(tmp_path / "one", "work")
    (one / "more.py").write_text("x = 1\n")
    commit = commit_all(one)
    gone = [record(name, str(tmp_path / name), commit=commit) for name in ("a", "b")]
    assert one_name(Claim(str(one), one), None, gone) == "one"
    assert names_for([str(one)], gone) == {str(one): "one"}
    assert names_for([str(one), str(tmp_path / "two")], gone[:1])[str(one)] == "a"


def test_what_only_looks_moved_takes_nothing(tmp_path: Path, engines: Engines) -> None:
    old = repository(tmp_path / "old/api", "work")
    index_repository("api", old, engines, IndexOptions())
    records = engines.store.repositories()
    copy = tmp_path / "copy" / "api"
    shutil.copytree(old, copy)
    with pytest.raises(NameTakenError):  # the old one is still there
        check_claim("api", Claim(str(copy), copy), records)
    shutil.rmtree(old)
    other = repository(tmp_path / "other/api", "other")
    plain = tmp_path / "plain" / "api"
    plain.mkdir(parents=True)
    for folder in (other, plain):
        with pytest.raises(NameTakenError, match="no longer there") as refused:
            check_claim("api", Claim(str(folder), folder), records)
        assert "--name" in str(refused.value) and "harness forget api" in str(refused.value)
        assert names_for([str(folder)], records) == {str(folder): f"{folder.parent.name}/api"}
    # Another part of the repository that held it.
    whole = make_repository(tmp_path / "whole", {"a/api/x.py": "x = 1\n", "b/api/y.py": "y = 1\n"})
    index_repository("part", whole / "a/api", engines, IndexOptions())
    shutil.rmtree(whole / "a")
    with pytest.raises(NameTakenError):
        part = whole / "b/api"
        check_claim("part", Claim(str(part), part), engines.store.repositories())


def test_below_a_root_nothing_is_forgotten(tmp_path: Path) -> None:
    root = tmp_path / "root"
    there, plain = repository(root / "there", "there"), repository(root / "plain", "plain")
    inner = there / "inner"
    inner.mkdir()
    records = [
        record("there", str(there), commit="c" * 40), record("plain", str(plain), commit="c" * 40),
        record("inner", str(inner), commit="c" * 40), record("gone", str(root / "gone")),
        record("outside", str(tmp_path / "outside")), record("url", "https://h.example/api"),
        record("notes", str(root)),
    ]  # fmt: skip
    shutil.rmtree(plain / ".git")
    assert [r.name for r in vanished_below(root, records)] == ["gone"]
    assert left_out(root, [there], records) == [plain]


def test_a_folder_without_its_files_keeps_its_index(tmp_path: Path, engines: Engines) -> None:
    root = repository(tmp_path / "api", "work")
    index_repository("api", root, engines, IndexOptions())
    before = engines.store.repositories()
    with pytest.raises(UsageError, match="harness forget api"):
        index_repository("api", root, engines, IndexOptions(include=("*.nothing",)))
    (root / "work.py").unlink()
    with pytest.raises(UsageError, match="nothing was changed"):
        index_repository("api", root, engines, IndexOptions())
    assert engines.store.repositories() == before
    assert content(engines) == {"api": ["work.py"]}


def test_git_that_is_gone_or_damaged_is_said_until_it_is_accepted(
    tmp_path: Path, engines: Engines
) -> None:
    root = repository(tmp_path / "api", "work")
    (root / ".git" / "HEAD").rename(tmp_path / "HEAD")
    report = index_repository("api", root, engines, IndexOptions())
    assert "git does not accept its .git" in report.warnings[0]
    (tmp_path / "HEAD").rename(root / ".git" / "HEAD")
    assert index_repository("api", root, engines, IndexOptions()).warnings == ()
    shutil.rmtree(root / ".git")
    for _ in range(2):
        report = index_repository("api", root, engines, IndexOptions())
        assert "it was a git repository" in report.warnings[0]
        (now,) = engines.store.repositories()
        assert now.warnings == report.warnings


def test_a_checkout_without_its_objects_is_no_plain_success(
    tmp_path: Path, engines: Engines
) -> None:
    broken = repository(tmp_path / "broken", "work")
    shutil.rmtree(broken / ".git" / "objects")
    (broken / ".git" / "objects").mkdir()
    report = index_repository("broken", broken, engines, IndexOptions())
    assert report.files_indexed == 1
    assert "cannot read the commit" in report.warnings[0]
    unborn = repository(tmp_path / "unborn", "other")
    (unborn / ".git" / "HEAD").write_text("ref: refs/heads/new\n", encoding="utf-8")
    assert index_repository("unborn", unborn, engines, IndexOptions()).warnings == ()


def test_a_legacy_record_is_completed(tmp_path: Path, engines: Engines) -> None:
    root = repository(tmp_path / "api", "work")
    index_repository("api", root, engines, IndexOptions())
    (now,) = engines.store.repositories()
    engines.store.put_repository(replace(now, source="", was_git=False))
    report = index_repository("api", root, engines, IndexOptions())
    assert report.files_unchanged == 1
    assert [(r.source, r.was_git) for r in engines.store.repositories()] == [(str(root), True)]
