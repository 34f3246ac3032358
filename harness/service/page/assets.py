"""The page's style sheet and scripts, read once; whoever is nobody yet may have them, too."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Response
from starlette.exceptions import HTTPException

router = APIRouter(include_in_schema=False)

_FOLDER = Path(__file__).with_name("static")
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Their addresses change with their content.
_KEPT = {"Cache-Control": "public, max-age=31536000, immutable"}


@router.get("/static/{name}")
async def static(name: str) -> Response:
    """One of the files. Nothing is looked up on the disk by a name from outside."""
    found = _files().get(name)
    if found is None:
        raise HTTPException(404, "there is no such file")
    return Response(found, media_type=_TYPES[Path(name).suffix], headers=_KEPT)


def address_of(name: str) -> str:
    """The address of a file, which is another one for other content."""
    return f"/static/{name}?v={hashlib.sha256(_files()[name]).hexdigest()[:12]}"


@cache
def _files() -> dict[str, bytes]:
    return {
        file.name: file.read_bytes() for file in sorted(_FOLDER.iterdir()) if file.suffix in _TYPES
    }
