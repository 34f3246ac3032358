"""What git tracks is indexed whatever its name, unless something tracked speaks against it."""

from __future__ import annotations

import base64
import json
import random
from pathlib import Path

import pytest

from harness.repository.content import SourceText, read_source
from harness.repository.skip_names import is_secret
from harness.repository.walk import walk
from harness.types import SkipReason
from harness.workspace import create_workspace, list_files
from tests.repositories import make_repository


def paths(root: Path) -> list[str]:
    return [file.path for file in walk(root, max_file_bytes=1_000).files]


def skips(root: Path) -> dict[str, tuple[SkipReason, str]]:
    listing = walk(root, max_file_bytes=1_000)
    return {skip.path: (skip.reason, skip.rule) for skip in listing.skipped}


_OWN = [
    *("internal/pods/controller.go", "web/src/Pods/list.tsx", "carthage/history.md"),
    *("vendor/models.rb", "vendors/list.py", "public/vendor/portal.php", "src/vendored/a.py"),
    *("packages/node_modules/pouchdb/index.js", "test/node_modules/x.js", ".venv/own.py"),
    *("third_party/BUILD.bazel", "third_party/own/rules.bzl", "build/build.go", "target/aim.rs"),
    *("dist/pack.py", ".yarn/patches/x.patch", ".gradle/init.kts", ".terraform/main.tf"),
    *("tests/site-packages/fixture.py", ".next/a.ts", ".nuxt/b.ts", ".turbo/config.json"),
    *("bower_components/ours.js", "_vendor/shim.py", ".eggs/boiled.py", ".tox/own.py"),
    *(".docker/php/Dockerfile", ".docker/nginx/default.conf", ".kube/service.yaml"),
    *(".aws/task-definition.json", ".azure/pipelines/ci.yml", ".docker/config.json.example"),
    *("models/Tank.mo", "game/score.orc", "lib/parts.lib", "unity/Stone.mat", "data/message.pb"),
]


@pytest.mark.parametrize("path", _OWN)
def test_a_name_alone_hides_nothing_tracked(tmp_path: Path, path: str) -> None:
    root = make_repository(tmp_path / "r", {path: "x", "a.py": "x"})
    folder = path.rpartition("/")[0]
    (root / folder / "new.py").write_text("x")
    assert sorted(paths(root)) == sorted(["a.py", path, f"{folder}/new.py"])
    assert skips(root) == {}
    assert sorted(list_files(root)) == sorted(paths(root))
    assert not is_secret(path)


@pytest.mark.parametrize(
    ("path", "sign", "shown", "rule"),
    [
        ("ios/Pods/A/a.m", "ios/Podfile", "ios/Pods/", "Pods/ with Podfile beside it"),
        ("Carthage/Checkouts/a.m", "Cartfile", "Carthage/", "Carthage/ with Checkouts in it"),
        ("vendor/x/a.go", "vendor/modules.txt", "vendor/", "vendor/ with modules.txt in it"),
        ("vendor/x/a.php", "vendor/autoload.php", "vendor/", "vendor/ with autoload.php in it"),
        (
            "node_modules/x/a.js",
            "package.json",
            "node_modules/",
            "node_modules/ with package.json beside it",
        ),
        ("p/_vendor/a.py", "p/_vendor/vendor.txt", "p/_vendor/", "_vendor/ with vendor.txt in it"),
        (
            "third_party/zlib/a.c",
            "third_party/zlib/LICENSE",
            "third_party/zlib/",
            "third_party/zlib/ with LICENSE* in it",
        ),
        (
            "vendor/serde/a.rs",
            "vendor/serde/.cargo-checksum.json",
            "vendor/serde/",
            "vendor/serde/ with .cargo-checksum.json in it",
        ),
        ("env/lib/a.py", "env/pyvenv.cfg", "env/", "pyvenv.cfg in env/"),
        ("out/a.c", "out/CMakeCache.txt", "out/", "CMakeCache.txt in out/"),
        (".yarn/releases/yarn.cjs", "package.json", ".yarn/releases/", ".yarn/releases/"),
        ("x.egg-info/PKG-INFO", "setup.py", "x.egg-info/", "x.egg-info/ with PKG-INFO in it"),
    ],
)
def test_with_a_second_sign_it_is_left_out_and_can_be_brought_back(
    tmp_path: Path, path: str, sign: str, shown: str, rule: str
) -> None:
    root = make_repository(tmp_path / "r", {path: "x", sign: "x", "a.py": "x"})
    assert path not in paths(root)
    assert skips(root) == {shown: (SkipReason.VENDORED, rule)}
    assert path not in list_files(root)
    (root / ".harnessignore").write_text(f"!{path}\n")
    assert path in paths(root)
    assert path in list_files(root)


@pytest.mark.parametrize(
    ("junk", "rule"),
    [
        ("CMakeCache.txt", "CMakeCache.txt"),
        ("pyvenv.cfg", "pyvenv.cfg"),
        ("CACHEDIR.TAG", "CACHEDIR.TAG"),
    ],
)
@pytest.mark.parametrize("ignored", [True, False])
def test_a_marker_that_is_not_tracked(tmp_path: Path, junk: str, rule: str, ignored: bool) -> None:
    files = {"src/add.c": "x", "src/in/b.c": "x", ".gitignore": f"{junk}\n" if ignored else "z\n"}
    root = make_repository(tmp_path / "r", dict(files))
    (root / "src" / junk).write_text("x")
    (root / "src/made.cmake").write_text("x")
    (root / "src/CMakeFiles").mkdir()
    (root / "src/CMakeFiles/a.c").write_text("x")
    assert paths(root) == sorted(files)
    found = skips(root)
    assert {"src/CMakeFiles/", "src/made.cmake"} <= set(found)
    assert "src/" not in found
    assert found["src/made.cmake"] == (SkipReason.VENDORED, f"{rule} in src/")


def test_untracked_signs_do_not_count_for_tracked_files(tmp_path: Path) -> None:
    files = {"vendor/shop.rb": "x", "pods/a.go": "x", ".gitignore": "bundle/\nPodfile\n"}
    root = make_repository(tmp_path / "r", dict(files))
    (root / "vendor/bundle/ruby").mkdir(parents=True)
    (root / "vendor/bundle/ruby/a.rb").write_text("x")
    (root / "Podfile").write_text("x")
    assert paths(root) == sorted(files)


@pytest.mark.parametrize(
    "path",
    [
        *(
            ".docker/config.json",
            ".docker/contexts/meta/x.json",
            ".kube/config",
            ".kube/config.prod",
        ),
        *(".kube/dev.kubeconfig", ".kube/cache/a.json", ".aws/credentials", ".aws/config"),
        *(".aws/sso/cache/t.json", ".azure/accessTokens.json", ".azure/msal_token_cache.json"),
        *("home/.ssh/config", ".gnupg/gpg.conf", ".docker/certs/key.pem", "x/.kube/.env"),
    ],
)
def test_secrets_in_such_folders_are_still_found(tmp_path: Path, path: str) -> None:
    root = make_repository(tmp_path / "r", {path: "x", "a.py": "x", ".harnessignore": f"!{path}\n"})
    assert paths(root) == [".harnessignore", "a.py"]
    assert [reason for reason, _ in skips(root).values()] == [SkipReason.SECRET]
    assert is_secret(path)


def test_secrets_by_content_in_such_folders(tmp_path: Path) -> None:
    key = base64.b64encode(random.Random(1).randbytes(240)).decode()
    user = "dXNlcjpwYXNzd29yZC1vZi1zb21lYm9keQ=="
    files = {
        ".kube/cluster.yaml": f"users:\n- user:\n    client-key-data: {key}\n",
        ".docker/auth.json": json.dumps({"auths": {"r": {"auth": user}}}),
    }
    root = make_repository(tmp_path / "r", dict(files))
    for file in walk(root, max_file_bytes=1_000).files:
        source = read_source(root, file, 1_000)
        assert source is SkipReason.SECRET or not any(one in str(source) for one in (key, user))


def test_a_rule_brings_generated_code_back_but_no_secret(tmp_path: Path) -> None:
    token = "AKIA" + "QWERTYUIOPASDFGH"
    files = {
        "a.go": "// Code generated by x. DO NOT EDIT.\npackage a\n",
        "b.go": f"// Code generated by x. DO NOT EDIT.\nvar k = '{token}'\n",
    }
    root = make_repository(tmp_path / "r", dict(files))
    read = [read_source(root, file, 1_000) for file in walk(root, max_file_bytes=1_000).files]
    assert read == [SkipReason.GENERATED, SkipReason.GENERATED]
    (root / ".harnessignore").write_text("!*.go\n")
    _, *listed = walk(root, max_file_bytes=1_000).files
    first, second = (read_source(root, file, 1_000) for file in listed)
    assert isinstance(first, SourceText)
    assert isinstance(second, SourceText)
    assert token not in second.text


def test_the_agent_reads_what_the_index_holds(tmp_path: Path) -> None:
    files = {".docker/Dockerfile": "FROM x", ".docker/config.json": "{}", "pods/a.go": "x"}
    root = make_repository(tmp_path / "r", dict(files))
    space = create_workspace(root, tmp_path / "state")
    try:
        assert list_files(space.root) == [".docker/Dockerfile", "pods/a.go"]
        assert space.tree.read_bytes(".docker/Dockerfile") == b"FROM x"
    finally:
        space.close()
