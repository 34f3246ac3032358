"""Secrets as people leave them in repositories: a file each, and what must not be seen of it."""

from __future__ import annotations

from tests.repository.planted.keys import keys
from tests.repository.planted.making import Planted
from tests.repository.planted.places import places
from tests.repository.planted.stores import stores
from tests.repository.planted.tokens import tokens


def planted() -> list[Planted]:
    """All of them, made up anew with each call."""
    return [*tokens(), *keys(), *stores(), *places()]
