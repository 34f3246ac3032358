"""``/login`` and ``/logout``: a token becomes a cookie that scripts cannot read.

The guard refuses whatever another site's page sends, which includes these forms: nobody can be
logged in as somebody else, or out.
"""

from __future__ import annotations

import logging

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from harness.errors import InvalidSettingError, UsageError
from harness.service.callers import Caller
from harness.service.links import is_link, session_token
from harness.service.page.forms import read_form
from harness.service.page.rendering import local_address, page
from harness.service.recognising import COOKIE, Recogniser

logger = logging.getLogger(__name__)
router = APIRouter(include_in_schema=False)

_COOKIE_SECONDS = 30 * 86_400


@router.get("/login")
async def login_page(request: Request, next: str = "/") -> HTMLResponse:
    """The form. A browser that comes from another site's link has not sent its cookie, so the page
    looks once more by itself."""
    return _form(request, local_address(next))


@router.post("/login")
async def login(request: Request) -> Response:
    """Check a token, and keep it in a cookie."""
    form = await read_form(request)
    token, there = form.get("token", ""), local_address(form.get("next", "/"))
    recogniser: Recogniser = request.app.state.recogniser
    tokens = recogniser.tokens
    try:
        caller: Caller | None = tokens.find(token)
        # Anybody can make a link with a token of their own, which would log others in as them.
        if caller is not None and form.get("link") and not is_link(caller):
            caller = None
        if caller is not None:
            token = session_token(tokens, token, caller)
    except (InvalidSettingError, OSError) as error:
        logger.error("%s", error)
        return _form(request, there, 503, "Tokens cannot be checked now; tell an administrator.")
    except UsageError:
        caller = None  # the same link was used a moment before
    if caller is None:
        logger.warning("a login was refused")
        return _form(request, there, 401, "This token is unknown, revoked or has expired.")
    answer = RedirectResponse(there, 303)
    answer.set_cookie(
        COOKIE,
        token,
        max_age=_COOKIE_SECONDS,
        httponly=True,
        samesite="strict",
        secure=_came_over_https(request),
    )
    return answer


@router.post("/logout")
async def logout(request: Request) -> Response:
    """Forget the cookie. The token itself stays valid until it is revoked."""
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=_came_over_https(request))
    return answer


def _form(request: Request, there: str, status: int = 200, message: str = "") -> HTMLResponse:
    return page(request, None, "login.html", status, next=there, message=message)


def _came_over_https(request: Request) -> bool:
    # Behind a proxy that ends TLS only the browser knows; it says so in what no page can forge.
    origin = request.headers.get("origin", "")
    return request.url.scheme == "https" or origin.startswith("https://")
