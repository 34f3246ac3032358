"""What the site is built from: the Markdown of the repository, laid out below one folder.

Pages stay where they are in the repository, so that their links work there as well; here each gets
its place in the site, and its links are written anew. A link to what is not part of the site, such
as a module, keeps its words only.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from docsite.links import own, pages

ROOT = Path(__file__).resolve().parent.parent
_LINK = re.compile(
    r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?![a-z][a-z0-9+.-]*:)([^)\s#]*)(#[^)\s]*)?\)"
)
_ATTRIBUTE = re.compile(r"""((?:src|srcset|href)=["'])(?![a-z][a-z0-9+.-]*:|#)([^"']+)(["'])""")
_STAGED = ".staged"
"""Marks a folder that may be emptied."""
_FENCE = re.compile(r" {0,3}(```+|~~~+)")


def places() -> dict[Path, Path]:
    """Where each page is in the site, by where it is in the repository."""
    found = {page: _place(page) for page in pages() if ".github" not in page.parts}
    for picture in (ROOT / "docs" / "pictures").iterdir():
        found[own(picture)] = picture.relative_to(ROOT / "docs")
    return found


def _place(page: Path) -> Path:
    inside = page.relative_to(ROOT)
    if inside.parts[0] == "docs":
        return Path(*inside.parts[1:])
    if inside == Path("README.md"):
        return Path("index.md")
    if inside.name == "README.md":
        return inside.parent / "index.md"
    return Path(inside.name.lower())


def stage(folder: Path) -> None:
    """Lay everything out below a folder, which is emptied first.

    :raises ValueError: the folder holds something else.
    """
    known = places()
    if folder.exists() and any(folder.iterdir()) and not (folder / _STAGED).is_file():
        raise ValueError(
            f"{folder} is not empty, and holds no earlier site; remove it, or name another"
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / _STAGED).touch()
    for source, place in known.items():
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".md":
            text = source.read_text(encoding="utf-8")
            target.write_text("\n".join(_rewritten(text, source, known)), encoding="utf-8")
        else:
            shutil.copyfile(source, target)


def _rewritten(text: str, source: Path, known: dict[Path, Path]) -> Iterator[str]:
    """The lines of a page with the links of its place in the site; code stays as it is."""
    place = known[source]
    fence = ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if fence:
            fence = "" if mark and mark[1].startswith(fence) else fence
        elif mark:
            fence = mark[1]
        else:
            line = _LINK.sub(lambda found: _link(found, source, place, known), line)
            line = _ATTRIBUTE.sub(
                lambda found: found[1] + _address(found[2], source, place, known) + found[3], line
            )
        yield line


def _link(found: re.Match[str], source: Path, place: Path, known: dict[Path, Path]) -> str:
    mark, words, path, anchor = found[1], found[2], found[3], found[4] or ""
    words = _LINK.sub(lambda inner: _link(inner, source, place, known), words)
    if not path:
        return f"{mark}[{words}]({anchor})"
    address = _address(path, source, place, known)
    return f"{mark}[{words}]({address}{anchor})" if address else words


def _address(path: str, source: Path, place: Path, known: dict[Path, Path]) -> str:
    """The address of a page or picture from another page; empty when the site does not have it."""
    target = (source.parent / path).resolve()
    if target.is_dir():
        target /= "README.md"
    if target not in known:
        return ""
    return os.path.relpath(known[target], place.parent).replace(os.sep, "/")
