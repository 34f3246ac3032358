"""Ranking rules on small hand-made lists, and properties that hold for any lists."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.search.features import FEATURES
from harness.search.file_ranking import FILE_FEATURES, spread
from harness.search.path_kinds import path_factor, path_kinds, stem_words
from harness.search.query import parse
from harness.search.ranking import rank
from harness.search.word_roots import alike, word_root
from harness.types import Candidate, CandidateLists, Chunk


def candidate(
    path: str, text: str = "pass", definitions: tuple[str, ...] = (), line: int = 1, repo: str = "r"
) -> Candidate:
    chunk = Chunk(
        text, line, line + 9, "python", ".".join(definitions[:1]), "function", definitions
    )
    return Candidate(f"{repo}/{path}:{line}", repo, path, chunk, 1.0)


def paths(query: str, lists: CandidateLists, limit: int = 10) -> list[str]:
    return [found.candidate.path for found in rank(parse(query), lists, limit)]


def test_nothing_found() -> None:
    assert rank(parse("anything"), CandidateLists(), 10) == []


def test_both_lists_beat_one() -> None:
    a, b, c = candidate("a.py"), candidate("b.py"), candidate("c.py")
    assert paths("zzz", CandidateLists(dense=(a, b), lexical=(c, b)))[0] == "b.py"


def test_one_list_alone_keeps_its_order() -> None:
    found = tuple(candidate(f"{name}.py") for name in "dcba")
    expected = ["d.py", "c.py", "b.py", "a.py"]
    assert paths("zzz", CandidateLists(dense=found)) == expected
    assert paths("zzz", CandidateLists(lexical=found)) == expected


def test_the_definition_of_a_symbol_comes_before_its_uses() -> None:
    uses = tuple(candidate(f"use{n}.py", "PreparedRequest()") for n in range(5))
    definition = candidate("models.py", "class PreparedRequest: ...", ("PreparedRequest",))
    lists = CandidateLists(dense=uses, lexical=uses, defined=(definition,))
    assert paths("PreparedRequest", lists)[0] == "models.py"
    assert paths("how is a PreparedRequest built", lists)[0] == "models.py"


@pytest.mark.parametrize("query", ["parseLedgerRows", "where is parseLedgerRows defined"])
def test_a_use_of_the_name_comes_before_definitions_of_names_like_it(query: str) -> None:
    alike = tuple(
        candidate(f"a{n}.py", f"def parse{n}LedgerRows(): ...", (f"parse{n}LedgerRows",))
        for n in ("Old", "New")
    )
    use = candidate("z.conf", "call parseLedgerRows")
    both = (*alike, use)
    assert paths(query, CandidateLists(dense=both, lexical=both))[0] == "z.conf"
    assert paths(query, CandidateLists(dense=alike, lexical=alike))[0] == "aOld.py"


def test_a_file_named_like_the_question_rises() -> None:
    others = tuple(candidate(f"other{n}.py", line=n + 1) for n in range(4))
    named = candidate("shell_completion.py")
    lists = CandidateLists(dense=(*others, named), lexical=(*others, named))
    assert paths("shell tab completion support", lists)[0] == "shell_completion.py"


def test_words_that_all_candidates_share_decide_less() -> None:
    chunks = tuple(candidate(f"x{n}.py", "a command") for n in range(8))
    common = candidate("command.py", "a command")
    rare = candidate("alias.py", "an alias of a command")
    order = paths("command alias", CandidateLists(dense=(*chunks, common, rare)))
    assert order.index("alias.py") < order.index("command.py")


def test_a_file_with_several_good_chunks_beats_one_with_a_single() -> None:
    many = tuple(candidate("many.py", line=line) for line in (1, 20, 40, 60))
    single = candidate("single.py")
    assert paths("zzz", CandidateLists(dense=(single, *many)))[0] == "many.py"


def test_other_files_are_shown_early() -> None:
    many = tuple(candidate("many.py", line=line) for line in range(1, 200, 10))
    others = tuple(candidate(f"other{n}.py") for n in range(3))
    assert "other0.py" in paths("zzz", CandidateLists(dense=(*many[:10], *others, *many[10:])))


@pytest.mark.parametrize(
    ("few", "expected"),
    [
        pytest.param(0.25, "aabc", id="a description"),
        pytest.param(1.0, "abac", id="a few words"),
        pytest.param(0.0, "abac", id="a name"),
    ],
)
def test_who_describes_a_passage_sees_more_of_its_file(few: float, expected: str) -> None:
    scores = np.array([5.0, 4.9, 3.0, 1.0], dtype=np.float32)
    weights = np.zeros(len(FILE_FEATURES), dtype=np.float32)
    weights[FILE_FEATURES.index("best passage")] = 1.0
    rows = np.zeros((4, len(FEATURES)), dtype=np.float32)
    found = spread(scores, rows, few, list("aabc"), weights)
    assert "".join("aabc"[at] for at in np.argsort(-found)) == expected


@pytest.mark.parametrize("line", [1, 405, 791])
def test_a_line_of_a_long_file_comes_first_wherever_its_words_put_it(line: int) -> None:
    long = tuple(candidate("src/long.py", line=first) for first in range(1, 800, 10))
    lists = CandidateLists(lexical=(candidate("other.py"), *long), named=long)
    best = rank(parse(f"src/long.py:{line}"), lists, 3)[0].candidate
    assert (best.path, best.chunk.start_line) == ("src/long.py", (line - 1) // 10 * 10 + 1)


def test_several_lines_of_a_long_file_come_before_what_is_not_named() -> None:
    long = tuple(candidate("src/long.py", line=first) for first in range(1, 800, 10))
    other = candidate("src/other.py")
    lists = CandidateLists(lexical=long, named=(*long, other))
    trace = "src/long.py:605 src/long.py:705 src/other.py:5"
    found = [
        (one.candidate.path, one.candidate.chunk.start_line) for one in rank(parse(trace), lists, 3)
    ]
    assert found[0] == ("src/long.py", 601)
    assert set(found) == {("src/long.py", 601), ("src/long.py", 701), ("src/other.py", 1)}


@pytest.mark.parametrize(
    "path",
    [
        "tests/test_session.py",
        "src/session.test.ts",
        "pkg/session_test.go",
        "src/test/java/SessionTest.java",
        "spec/session_spec.rb",
        "examples/session.py",
        "benchmarks/session.py",
        "docs/session.md",
        "CHANGELOG.md",
        "lib/_compat.py",
        "session.pyi",
        "types/session.d.ts",
        "vendor/session.go",
        "session.json",
        "lib/src/commonTest/kotlin/Session.kt",
        "Library.Tests/Helpers/Session.cs",
        "LibraryTests/Session.swift",
        "integration_test/lib/session.ex",
        "test-utils/session.ts",
        "src/session/tests.rs",
        "src/session_unittest.cc",
        "test/session.bats",
        "features/session.feature",
        "src/SessionBenchmark.java",
        "src/session.bench.ts",
        "src/Session.stories.tsx",
        "include/lib/bundled/session.h",
        "3rdparty/session.c",
        "single_include/session.hpp",
        "api/session.pb.go",
        "api/session_pb2.py",
        "Data/Session.designer.cs",
        "db/old_migrations/20230923195457_add_state.rb",
        "shop/migrations/0001_initial.py",
        "migrations/2023-09-23-195457_state/up.sql",
        "src/main/resources/db/migration/V1_2__state.sql",
        "alembic/versions/ae1027a6acf0_state.py",
    ],
)
def test_code_comes_before_what_surrounds_it(path: str) -> None:
    lists = CandidateLists(dense=(candidate(path), candidate("src/handler.py")))
    assert paths("how is state kept", lists)[0] == "src/handler.py"
    assert path_factor(path, frozenset()) < 1


def test_a_module_of_tests_inside_a_source_file_counts_as_tests() -> None:
    chunk = Chunk(
        "assert!(keeps())", 1, 9, "rust", "tests.keeps_state", "function", ("keeps_state",)
    )
    inside = Candidate("r/src/glob.rs:1", "r", "src/glob.rs", chunk, 1.0)
    other = candidate("src/session.rs", line=1)
    lists = CandidateLists(dense=(inside, other))
    assert paths("how is state kept", lists) == ["src/session.rs", "src/glob.rs"]
    assert paths("tests of the state", lists) == ["src/glob.rs", "src/session.rs"]
    assert paths("keeps_state", lists) == ["src/glob.rs", "src/session.rs"]


@pytest.mark.parametrize(
    "path",
    ["src/click/testing.py", "lib/latest.js", "contest.py", "src/inspector.rs", "newsletter.py",
     "attestation.go", "documents.py", "Protest.java", "exampled.py", "src/jinja2/tests.py",
     "src/cmd/test.go", "libexec/bats", "src/testing/clock.go", "src/latest/a.py",
     "src/generator.ts", "lib/workbench.rb", "django/db/migrations/autodetector.py", "db/404_a.rb",
     "alembic/migration.py", "src/migrate/up.go"],
)  # fmt: skip
def test_ordinary_code_is_not_taken_for_something_else(path: str) -> None:
    assert path_kinds(path) == frozenset()


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("tests of the session", "tests/test_session.py"),
        ("example of a session", "examples/session.py"),
        ("what changed in the changelog", "CHANGELOG.md"),
        ("compatibility with old versions", "lib/_compat.py"),
        ("migration that adds the session", "shop/migrations/0002_session.py"),
    ],
)
def test_no_penalty_when_the_query_is_about_it(query: str, path: str) -> None:
    lists = CandidateLists(dense=(candidate(path), candidate("src/handler.py")))
    assert paths(query, lists)[0] == path


def test_among_tests_alone_the_order_stays() -> None:
    found = tuple(candidate(f"tests/test_{name}.py") for name in "cab")
    assert paths("zzz", CandidateLists(dense=found)) == [found_.path for found_ in found]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("HTTPAdapter", "httpadapter"),
        ("Session.send", "send"),
        ("render_template()", "render_template"),
        ("where is `g` set", "g"),
        ("how are progress bars drawn", "progressbar"),
        ("blueprints", "blueprint"),
        ("std::vec::push", "push"),
    ],
)
def test_names_asked_for(query: str, name: str) -> None:
    names = parse(query).names
    assert name in names or name + "s" in names


def test_stems_asked_for() -> None:
    assert "shell_completion" in parse("shell completion").stems
    assert "session" in parse("how sessions end").stems
    assert "the" not in parse("the session").stems


def test_a_file_may_be_named_with_the_initials_of_the_question() -> None:
    assert "sse" in parse("how are server sent events written").stems
    assert parse("where it is, and how").initials == frozenset()
    others = tuple(candidate(f"other{n}.py", line=n + 1) for n in range(4))
    lists = CandidateLists(dense=(*others, candidate("sse.py")))
    assert paths("server sent events", lists)[0] == "sse.py"


def test_symbols_and_prose_are_told_apart() -> None:
    assert parse("HTTPAdapter").is_symbol
    assert parse("flask.Flask").is_symbol
    assert not parse("how does HTTPAdapter work").is_symbol
    assert parse("how does HTTPAdapter work").symbols == {"httpadapter"}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("registered", "register", True),
        ("sessions", "session", True),
        ("auth", "authentication", True),
        ("config", "configuration", True),
        ("ctx", "contexts", True),
        ("cookies", "cookie", True),
        ("app", "apply", False),
        ("parse", "partial", False),
        ("session", "response", False),
    ],
)
def test_words_that_mean_the_same(one: str, other: str, expected: bool) -> None:
    assert alike(word_root(one), word_root(other)) is expected
    assert alike(word_root(other), word_root(one)) is expected


def test_a_folder_names_its_entry_file() -> None:
    assert stem_words("src/json/__init__.py") == ("json",)
    assert stem_words("lib/router/index.js") == ("router",)


CANDIDATES = st.builds(
    candidate,
    path=st.sampled_from(["a.py", "tests/test_a.py", "b/session.go", "docs/c.md"]),
    text=st.text(max_size=30),
    definitions=st.lists(st.sampled_from(["Session", "send", "x"]), max_size=2).map(tuple),
    line=st.integers(1, 50),
)
LISTS = st.lists(CANDIDATES, max_size=12, unique_by=lambda found: found.id).map(tuple)
ALL_LISTS = st.builds(CandidateLists, LISTS, LISTS, LISTS, LISTS)


@given(query=st.text(max_size=60), lists=ALL_LISTS, limit=st.integers(1, 20))
def test_any_answer_is_sorted_unique_and_complete(
    query: str, lists: CandidateLists, limit: int
) -> None:
    answer = rank(parse(query), lists, limit)
    ids = [found.candidate.id for found in answer]
    scores = [found.score for found in answer]
    known = {c.id for part in (lists.dense, lists.lexical, lists.defined, lists.stem) for c in part}
    assert len(ids) == len(set(ids)) == min(limit, len(known))
    assert set(ids) <= known
    assert scores == sorted(scores, reverse=True)
    assert rank(parse(query), lists, limit) == answer


@given(lists=ALL_LISTS, limit=st.integers(1, 10))
def test_a_smaller_limit_gives_a_prefix(lists: CandidateLists, limit: int) -> None:
    query = parse("send session")
    assert rank(query, lists, limit) == rank(query, lists, 40)[:limit]


@given(query=st.text(max_size=80))
def test_any_query_can_be_read(query: str) -> None:
    found = parse(query)
    assert found.text == query
    for name in (*found.names, *found.stems):
        assert name
        assert name == name.lower()


def test_a_score_is_the_sum_of_its_parts() -> None:
    lists = CandidateLists(
        dense=tuple(candidate("a.py", "def send(): ...", ("send",), line) for line in (1, 20)),
        lexical=(candidate("tests/test_a.py", "send a session"),),
    )
    answer = [found.parts() for found in rank(parse("send the session"), lists, 10)]
    for found, parts in zip(rank(parse("send the session"), lists, 10), answer, strict=True):
        assert sum(parts.values()) == pytest.approx(found.score, abs=0.02)
        assert list(map(abs, parts.values())) == sorted(map(abs, parts.values()), reverse=True)
    assert all("file" in parts for parts in answer)
    assert not any("rules" in parts for parts in answer)
    named = rank(parse("send in a.py"), lists, 1)[0].parts()
    assert named["rules"] > 50 > abs(named["file"])
