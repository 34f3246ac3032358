"""The pages that are made from the code, and where they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from docsite import commands, exit_codes, flows, http_api, json_documents, mcp_tools
from harness.cli import settings_page

ROOT = Path(__file__).resolve().parent.parent
PAGES: Mapping[str, Callable[[], str]] = {
    "docs/settings.md": settings_page.page,
    "docs/reference/commands.md": commands.page,
    "docs/reference/exit-codes.md": exit_codes.page,
    "docs/reference/flows.md": flows.page,
    "docs/reference/http-api.md": http_api.page,
    "docs/reference/json.md": json_documents.page,
    "docs/reference/mcp-tools.md": mcp_tools.page,
}


def remake() -> None:
    """Write them all."""
    for name, page in PAGES.items():
        file = ROOT / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(page(), encoding="utf-8")
