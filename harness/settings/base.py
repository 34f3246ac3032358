"""How a settings class is read from the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator

from harness.errors import InvalidSettingError, UsageError
from harness.home import from_home

SettingsT = TypeVar("SettingsT", bound="Settings")


def _expanded(path: Path) -> Path:
    try:
        return from_home(path)
    except UsageError as error:
        raise ValueError(str(error)) from None


HomePath = Annotated[Path, AfterValidator(_expanded)]
"""A path setting: units, compose files and ``.env`` files hold ``~`` as it stands, without a shell
that expands it."""


class Settings(BaseModel):
    """Made without arguments it is what the environment says; what is given goes before that.

    The case of a variable's name does not count, and one that is empty is not set.
    pydantic-settings would read them in the same way, and takes longer to import than everything
    else that a search does.
    """

    # Most commands use three or four of the classes: the others' validators are never built.
    model_config = ConfigDict(frozen=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _read_environment(cls, given: dict[str, object]) -> dict[str, object]:
        set_ = {name.upper(): value for name, value in os.environ.items() if value}
        names = (str(field.validation_alias) for field in cls.model_fields.values())
        return {name: set_[name] for name in names if name in set_} | given


def names(text: str) -> tuple[str, ...]:
    """The entries of a list that is separated by commas, in its order."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def load(settings_class: type[SettingsT]) -> SettingsT:
    """Read one settings class from the environment.

    :raises InvalidSettingError: a variable's value cannot be used; the message names it.
    """
    try:
        return settings_class()
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InvalidSettingError(f"{name}: {first['msg'].lower()}; change or unset it") from None
