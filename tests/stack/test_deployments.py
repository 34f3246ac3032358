"""Deployments by name, and parameters as a person types them."""

from __future__ import annotations

from typing import Any

import pytest

from harness.errors import UsageError
from harness.stack.api import PrefectApi
from harness.stack.deployments import Deployment, find_deployment, parse_parameters
from tests.fakes.prefect_api import FakePrefect

NULL = {"type": "null"}
TARGET = Deployment(
    "index-repository/index-repository",
    "harness",
    {
        "source": {"type": "string"},
        "name": {"anyOf": [{"type": "string", "minLength": 1}, NULL]},
        "full": {"type": "boolean"},
        "exclude": {"anyOf": [{"type": "array", "items": {"type": "string"}}, NULL]},
        "at_once": {"type": "integer"},
        "tasks": {"type": "array", "items": {"$ref": "#/definitions/BatchTask"}},
        "anything": {},
    },
)


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        pytest.param(["source=/srv/a=b"], {"source": "/srv/a=b"}, id="equals-sign"),
        pytest.param(["source=123"], {"source": "123"}, id="text-like-a-number"),
        pytest.param(["name=true"], {"name": "true"}, id="text-like-a-boolean"),
        pytest.param(["name=null"], {"name": None}, id="null"),
        pytest.param(['name="null"'], {"name": "null"}, id="quoted"),
        pytest.param(["name="], {"name": ""}, id="empty"),
        pytest.param(["full=true", "at_once=3"], {"full": True, "at_once": 3}, id="json"),
        pytest.param(["full=yes"], {"full": "yes"}, id="left-to-the-server"),
        pytest.param(["exclude=tests/**"], {"exclude": ["tests/**"]}, id="one-of-a-list"),
        pytest.param(["exclude=a", 'exclude=["b"]'], {"exclude": ["a", "b"]}, id="repeated"),
        pytest.param(['tasks=[{"text": "t"}]'], {"tasks": [{"text": "t"}]}, id="objects"),
        pytest.param(["anything=1"], {"anything": 1}, id="no-schema"),
        pytest.param([], {}, id="none"),
    ],
)
def test_parameters(pairs: list[str], expected: dict[str, Any]) -> None:
    assert parse_parameters(TARGET, pairs) == expected


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["source"], "write name=value"),
        (["=x"], "write name=value"),
        (["sauce=x"], "it takes: source, name, full"),
        (["source=a", "source=b"], "given twice"),
    ],
)
def test_parameters_that_make_no_sense(pairs: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_parameters(TARGET, pairs)


def test_a_deployment_by_its_whole_name_or_its_own() -> None:
    with FakePrefect() as prefect:
        prefect.deployments += [
            ("pull-models", "pull-models", {}), ("pull-models", "update-models", {}),
            ("other", "update-models", {}),
        ]  # fmt: skip
        api = PrefectApi(prefect.url)
        for name in ("index-repository", "index-repository/index-repository"):
            assert find_deployment(api, name).name == "index-repository/index-repository"
        assert find_deployment(api, "other/update-models").name == "other/update-models"
        with pytest.raises(UsageError, match="of several; give one of: other/update-models, pull"):
            find_deployment(api, "update-models")
        with pytest.raises(UsageError, match="is not a deployment; give one of: index-repository/"):
            find_deployment(api, "nightly")
        prefect.deployments = []
        with pytest.raises(UsageError, match="harness deploy"):
            find_deployment(api, "index-repository")
