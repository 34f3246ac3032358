"""What the site is built from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from docsite import links, staging
from docsite.links import ROOT, pages
from docsite.staging import places, stage


def test_links_lead_to_where_pages_are_in_the_site(tmp_path: Path) -> None:
    stage(tmp_path / "site")
    stage(tmp_path / "site")  # again, in the place of the first
    laid_out = {path for path in (tmp_path / "site").rglob("[!.]*") if path.is_file()}
    assert {path.relative_to(tmp_path / "site") for path in laid_out} == set(places().values())
    for page in laid_out:
        if page.suffix != ".md":
            continue
        for path in re.findall(r"\]\((?!https?:)([^)#\s]+)[)#]", _prose(page.read_text())):
            assert (page.parent / path).resolve() in laid_out, f"{page.name}: {path}"
    start = (tmp_path / "site" / "index.md").read_text()
    assert "(docs/" not in start
    assert "(indexing.md)" in start


def test_what_is_no_site_is_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("mine\n")
    with pytest.raises(ValueError, match="holds no earlier site"):
        stage(tmp_path)
    assert (tmp_path / "kept.txt").read_text() == "mine\n"


@pytest.mark.parametrize("where", ["page.md", "picture.png"])
def test_no_link_is_published(tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of the documentation must not show a file of the machine that builds the site."""
    secret = tmp_path / "secret.txt"
    secret.write_text("planted\n")
    root = tmp_path / "repository"
    for folder in ("docs/pictures", "benchmarks", "k8s/chart"):
        (root / folder).mkdir(parents=True)
    for name in ("README.md", "benchmarks/README.md", "k8s/chart/README.md"):
        (root / name).write_text("# A page\n")
    for module in (links, staging):
        monkeypatch.setattr(module, "ROOT", root)
    stage(tmp_path / "site")
    folder = root / "docs" / ("pictures" if where.endswith(".png") else "")
    (folder / where).symlink_to(secret)
    with pytest.raises(ValueError, match="is a link"):
        stage(tmp_path / "site")
    assert not [path for path in (tmp_path / "site").rglob("*") if path.name == where]


def test_the_site_lists_every_page() -> None:
    text = (ROOT / "mkdocs.yml").read_text()
    # A tag of the site generator's own.
    listed = set(_files(yaml.safe_load(re.sub(r"!!python\S*", "", text))["nav"]))
    wanted = {
        place.as_posix()
        for page, place in places().items()
        if page in set(pages()) and not re.match(r"\d", place.name)
    }
    assert listed == wanted


def _files(node: object) -> list[str]:
    if isinstance(node, dict):
        return [file for value in node.values() for file in _files(value)]
    if isinstance(node, list):
        return [file for value in node for file in _files(value)]
    return [str(node)]


def _prose(text: str) -> str:
    return re.sub(r"^( *)(```+|~~~+).*?^\1\2|`[^`\n]*`", "", text, flags=re.DOTALL | re.MULTILINE)
