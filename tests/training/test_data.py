"""What may be learned from: permissive by metadata and file, and nothing that is evaluated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from training import exclusions, licences, translations
from training.packages import Package, read_packages, write_packages

MIT = b"MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy"
GPL = b"GNU GENERAL PUBLIC LICENSE\nVersion 3"


def _npm(licence: str) -> bytes:
    return json.dumps({"name": "x", "license": licence}).encode()


@pytest.mark.parametrize(
    ("registry", "files", "licence", "reason"),
    [
        pytest.param("npm", {"package.json": _npm("MIT"), "LICENSE": MIT}, "MIT", "", id="both"),
        pytest.param("npm", {"package.json": _npm("MIT")}, "MIT", "no licence file", id="no file"),
        pytest.param("npm", {"package.json": _npm("MIT"), "COPYING": GPL}, "MIT",
                     "names another", id="they differ"),
        pytest.param("npm", {"package.json": b"{}", "LICENSE": MIT}, "", "no licence in",
                     id="no metadata"),
        pytest.param("npm", {"package.json": _npm("GPL-3.0"), "LICENSE": GPL}, "GPL-3.0",
                     "metadata say", id="not permissive"),
        pytest.param("npm", {"package.json": _npm("(MIT OR GPL-3.0)"), "LICENSE": GPL}, "MIT", "",
                     id="a choice"),
        pytest.param("pypi", {"x-1.dist-info/METADATA": b"License-Expression: Apache-2.0\n\n",
                              "x-1.dist-info/licenses/LICENSE": b"Apache License\nVersion 2.0"},
                     "Apache-2.0", "", id="wheel"),
        pytest.param("go", {"LICENSE": MIT}, "MIT", "", id="a module has only the file"),
        pytest.param("debian", {"LICENSE": MIT, "debian/copyright": b"Format: x\n\nFiles: *\n"
                                b"Copyright: x\nLicense: Expat\n\nFiles: contrib/*\n"
                                b"License: GPL-2+\n"}, "MIT", "", id="debian"),
    ],
)  # fmt: skip
def test_licences(registry: str, files: dict[str, bytes], licence: str, reason: str) -> None:
    verdict = licences.judge(registry, files)
    assert verdict.licence == licence
    assert verdict.reason.startswith(reason) if not reason else reason in verdict.reason
    assert verdict.is_permissive == (not reason)


def test_files_under_another_licence_are_left_out() -> None:
    copyright_ = (
        b"Format: x\n\nFiles: *\nLicense: MIT\n\nFiles: contrib/*\nLicense: GPL-2+\n\n"
        b"Files: debian/*\nLicense: GPL-2+\n"
    )
    verdict = licences.judge("debian", {"LICENSE": MIT, "debian/copyright": copyright_})
    assert verdict.may_use("src/a.c")
    assert not verdict.may_use("contrib/a.c")


@pytest.mark.parametrize(
    "name",
    [
        "pypi:Flask", "pypi:flask-login", "npm:@trpc/server", "npm:express-session",
        "go:github.com/gin-gonic/gin", "crates:tokio-util", "maven:io.ktor:ktor-io",
        "debian:rails", "debian:ruby-rack", "pypi:Django", "pypi:prefect-aws",
    ],
)  # fmt: skip
def test_evaluated_code_bases_are_excluded_by_name(name: str) -> None:
    registry, _, package = name.partition(":")
    assert exclusions.is_excluded_name(registry, package)


def test_nothing_that_was_learned_from_is_excluded_now() -> None:
    used = read_packages()
    assert len(used) > 500
    for package in used:
        assert package.version and package.licence, package.name
        assert not exclusions.is_excluded_name(package.registry, package.name)
        parts = package.licence.replace(" AND ", " OR ").split(" OR ")
        assert set(parts) <= licences.PERMISSIVE, package


def test_a_copy_of_evaluated_code_is_known_by_its_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "\n".join(f"    value_{n} = compute(value_{n * 7 % 31}, {n})" for n in range(300))
    file = tmp_path / "evaluated.bin"
    assert exclusions.write_evaluated([text], file) > 5
    monkeypatch.setattr(exclusions, "TEXT_FILE", file)
    exclusions._evaluated.cache_clear()
    try:
        indented = "\n".join(f"  {line}" for line in text.split("\n")[50:])
        assert exclusions.is_evaluated_text(indented)
        assert not exclusions.is_evaluated_text(text.replace("compute", "other"))
    finally:
        exclusions._evaluated.cache_clear()


def test_messages_are_paired_with_their_english_originals() -> None:
    files = {
        "app/locale/de/app.po": 'msgid "Delete the file"\nmsgstr "Datei löschen"\n'.encode(),
        "web/messages.properties": b"save=Save the changes",
        "web/messages_zh_CN.properties": "save=保存更改".encode(),
        "lang/en.json": b'{"a": {"b": "Open a folder"}}',
        "lang/fr.json": b'{"a": {"b": "Ouvrir un dossier"}}',
    }  # fmt: skip
    found = {(p.language, p.query, p.code) for p in translations.read_catalogs(files)}
    assert found == {
        ("de", "Datei löschen", "Delete the file"),
        ("zh", "保存更改", "Save the changes"),
        ("fr", "Ouvrir un dossier", "Open a folder"),
    }


def test_the_list_is_read_as_it_was_written(tmp_path: Path) -> None:
    packages = [Package("npm", "@a/b", "1.0", "MIT"), Package("go", "x.org/y", "v2", "ISC")]
    write_packages(packages, tmp_path / "list.tsv")
    assert read_packages(tmp_path / "list.tsv") == sorted(packages)
