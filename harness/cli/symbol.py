"""``harness symbol``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import console
from harness.cli.options import AsJson, Repo
from harness.text import encodable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.search.symbols import SymbolPlace


def symbol(
    name: Annotated[
        str, typer.Argument(help="A name, qualified or not, such as close or Session.close.")
    ],
    repo: Repo = None,
    limit: Annotated[int, typer.Option(help="Most definitions, and most uses.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show where a name is defined and which lines use it."""
    from harness.configured import open_engines, open_service
    from harness.search.symbols import find_symbol

    service = open_service()
    if service is not None:
        with service:
            found = service.symbol(encodable(name), repo=repo, limit=limit)
    else:
        with open_engines() as engines:
            found = find_symbol(encodable(name), engines, repo=repo, limit=limit)
    if as_json:
        console.print_json(asdict(found))
        return
    if not found.definitions and not found.references:
        console.error(f"no indexed file has the name {name!r}")
        return
    several = len({place.repo for place in (*found.definitions, *found.references)}) > 1
    _print("Defined", found.definitions, several)
    _print("Used", found.references, several)
    if not found.complete:
        # Definitions are found by what they define, so that only uses are ever too many.
        more = "more uses" if len(found.definitions) < limit else "more"
        console.error(f"there may be {more}; see more of them with --limit")


def _print(title: str, places: Sequence[SymbolPlace], several: bool) -> None:
    if not places:
        return
    out = console.stdout()
    out.print(title, style="bold")
    for place in places:
        where = f"{place.repo}/{place.path}" if several else place.path
        name = console.printable_name(f"{where}:{place.line}")
        out.print(name, style="cyan", markup=False, end="  ")
        out.print(console.printable(place.text), markup=False)
