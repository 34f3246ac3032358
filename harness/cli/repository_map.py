"""``harness map``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import console
from harness.cli.options import AsJson
from harness.text import encodable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.tree import Tree

    from harness.search.repository_map import MapFile, RepositoryMap


def repository_map(
    repo: Annotated[
        str | None,
        typer.Option(help="Name or folder; default: the current folder's, or the only one."),
    ] = None,
    focus: Annotated[
        str, typer.Option(help="What it is to be about: words, a path, or a glob such as 'src/**'.")
    ] = "",
    budget: Annotated[int, typer.Option(help="About how many tokens the map may take.")] = 1_000,
    as_json: AsJson = False,
) -> None:
    """Show a repository's most important files and definitions, by who uses their names."""
    from harness.configured import open_engines, open_service

    service = open_service()
    if service is not None:
        with service:
            found = service.map(repo=repo, focus=encodable(focus), budget=budget)
    else:
        from harness.search.repository_map import map_repository
        from harness.store.catalog import around

        with open_engines() as engines:
            here = around(Path.cwd(), engines.store.repositories()) if repo is None else None
            found = map_repository(
                engines, repo=here.name if here else repo, focus=encodable(focus), budget=budget
            )
    if as_json:
        console.print_json(found)
        return
    out = console.stdout()
    if out.is_terminal:
        out.print(_tree(found))
    else:
        for line in _lines(found):
            print(console.printable(line))
    if not found.complete:
        console.error("the repository has more files than a map is made of; some were left out")


def _lines(found: RepositoryMap) -> list[str]:
    """A place a line, the most important files first: what other programs read."""
    lines: list[str] = []
    for file in found.files:
        name = console.printable_name(file.path)
        if not file.definitions:
            lines.append(name)
        lines += [f"{name}:{one.line}  {one.text}" for one in file.definitions]
    return lines


def _tree(found: RepositoryMap) -> Tree:
    """The files in their folders; what holds the most important one comes first."""
    from rich.text import Text
    from rich.tree import Tree

    title = Text(console.printable_name(found.repo), style="bold")
    title.append(f"  {len(found.files)} of {found.files_total} files", style="dim")
    root = Tree(title, guide_style="dim")
    _grow(root, [(tuple(file.path.split("/")), file) for file in found.files])
    return root


def _grow(branch: Tree, files: Sequence[tuple[tuple[str, ...], MapFile]]) -> None:
    """Add files below a folder.

    :param files: each with what its path has below the folder.
    """
    from rich.text import Text

    below: dict[str, list[tuple[tuple[str, ...], MapFile]]] = {}
    for parts, file in files:
        below.setdefault(parts[0], []).append((parts[1:], file))
    for name, inside in below.items():
        rest, file = inside[0]
        if not rest:
            _add_file(branch, name, file)
            continue
        # A folder with nothing but another one is not worth a line.
        while len(rest) > 1 and len({parts[0] for parts, _ in inside}) == 1:
            name = f"{name}/{rest[0]}"
            inside = [(parts[1:], one) for parts, one in inside]
            rest = rest[1:]
        _grow(branch.add(Text(f"{console.printable_name(name)}/", style="bold")), inside)


def _add_file(branch: Tree, name: str, file: MapFile) -> None:
    from rich.text import Text

    head = Text(console.printable_name(name))
    head.append(f"  {100 * file.share:.1f} %", style="dim")
    leaf = branch.add(head)
    for one in file.definitions:
        row = Text(f":{one.line}", style="cyan")
        row.append(f"  {console.printable(one.text)}", style="default")
        leaf.add(row)
