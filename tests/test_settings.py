"""Settings: how values of the environment are read, and where defaults live."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from harness import settings
from harness.environment import unknown_variables
from harness.errors import InvalidSettingError

PATHS = [
    pytest.param(one, name, str(field.validation_alias), id=str(field.validation_alias))
    for one in settings.classes()
    for name, field in one.model_fields.items()
    if "Path" in str(field.annotation)
]


def test_there_are_paths() -> None:
    assert {alias for *_, alias in (param.values for param in PATHS)} >= {
        "HARNESS_DATA_DIR",
        "HARNESS_REPOS_ROOT",
        "HARNESS_BACKUP_DIR",
        "HARNESS_RESULTS_DIR",
    }


@pytest.mark.parametrize(("settings_class", "field", "variable"), PATHS)
def test_a_tilde_is_the_home_folder(
    settings_class: Any,
    field: str,
    variable: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(variable, "~/some/where")
    assert getattr(settings.load(settings_class), field) == tmp_path / "some" / "where"
    monkeypatch.setenv(variable, str(tmp_path / "~"))  # only at the beginning
    assert getattr(settings.load(settings_class), field) == tmp_path / "~"


def test_the_home_of_nobody_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_DATA_DIR", "~nobody-of-that-name/data")
    with pytest.raises(InvalidSettingError, match="HARNESS_DATA_DIR"):
        settings.load(settings.DataSettings)


@pytest.mark.parametrize("settings_class", settings.classes(), ids=lambda one: one.__name__)
def test_every_setting_has_a_variable_and_a_description(settings_class: type[BaseModel]) -> None:
    for name, field in settings_class.model_fields.items():
        assert field.validation_alias, name
        assert field.description, name


def test_a_misspelt_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_MAX_STEP", "3")
    assert ("HARNESS_MAX_STEP", "HARNESS_MAX_STEPS") in unknown_variables()


def test_settings_made_directly_are_those_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("qdrant_url", "http://q:7000")
    monkeypatch.setenv("QDRANT_PORT", "")
    assert settings.QdrantSettings() == settings.load(settings.QdrantSettings)
    assert settings.QdrantSettings().url == "http://q:7000"
    given = settings.QdrantSettings.model_validate({"QDRANT_URL": "http://given"})
    assert given.url == "http://given"
