"""Reads a form that a browser sends."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

_MAX_FIELDS = 50
_TYPE = "application/x-www-form-urlencoded"


async def read_form(request: Request) -> dict[str, str]:
    """The fields, each once, without blanks around them. The guard bounds the body.

    :raises HTTPException: 415 or 400, it is no form.
    """
    # Another type could come from another site's page without its being asked for permission.
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _TYPE:
        raise HTTPException(415, f"a form of the type {_TYPE} is needed")
    body = await request.body()
    try:
        fields = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise HTTPException(400, "the form cannot be read") from None
    return {name: value.strip() for name, value in fields}
