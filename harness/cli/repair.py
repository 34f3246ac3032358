"""``harness repair``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import console
from harness.cli.options import AsJson
from harness.errors import HarnessError


def repair(
    repo: Annotated[
        str | None, typer.Option(help="Only this repository; its collection is shared with others.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look for damage in the index and mend it; only what is missing is embedded again."""
    from harness.cli.index import index_entry
    from harness.configured import open_engines
    from harness.index.repairing import mend
    from harness.index.wholeness import mismatch
    from harness.store.catalog import in_scope_at

    rows: list[dict[str, object]] = []
    mended = []
    with open_engines() as engines:
        store = engines.store
        lost = store.set_records_aside()
        records = [] if lost or not store.repositories() else in_scope_at(store, repo)
        wanted = {record.collection for record in records}
        for manifest in store.manifests():
            if repo is None or manifest.collection in wanted:
                found = mend(store, manifest, thorough=True)
                mended += [found] if found else []
        for record in records:
            wrong = mismatch(store, record)
            if wrong is None:
                rows.append({"repo": record.name, "ok": True, "chunks_lacking": 0})
                continue
            row: dict[str, object] = {
                "repo": record.name,
                "ok": True,
                "chunks_lacking": wrong.lacking,
            }
            try:
                report = index_entry(record, engines, full=False, as_json=as_json)
                row |= {"chunks_embedded": report.chunks_embedded, "ok": not report.files_failed}
            except HarnessError as error:
                row |= {"ok": False, "error": str(error)}
            rows.append(row)
    ok = lost is None and all(row["ok"] for row in rows)
    if as_json:
        console.print_json(
            {"ok": ok, "records_aside": lost and str(lost), "collections": mended, "repos": rows}
        )
    else:
        _print(lost, [str(one) for one in mended], rows)
    if not ok:
        raise typer.Exit(1)


def _print(lost: Path | None, mended: list[str], rows: list[dict[str, object]]) -> None:
    if lost is not None:
        print(
            f"The records of the index could not be read; they are kept in {lost}.\n"
            "Index your repositories again (harness index PATH): what is stored of them is used."
        )
        return
    for one in mended:
        print(console.printable(one))
    for row in rows:
        name = console.printable_name(str(row["repo"]))
        if "error" in row:
            console.error(f"{name}: {row['error']}")
        elif "chunks_embedded" in row:
            print(
                f"{name}: {row['chunks_lacking']} chunks were missing, {row['chunks_embedded']} "
                "were embedded again"
            )
    if not mended and not any("chunks_embedded" in row or "error" in row for row in rows):
        print("Nothing is damaged.")
