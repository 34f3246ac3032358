"""What deploying does to a work pool of a real Prefect server."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from prefect import get_client
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.exceptions import ObjectNotFound

from deployments.job_template import DEFAULTS_VARIABLE, base_job_template
from deployments.work_pool import apply_work_pool
from harness.errors import StackError

WORK_POOL = "team-a"


@pytest.fixture
def client() -> Iterator[Any]:
    with get_client(sync_client=True) as client:
        _delete(client)
        yield client
        _delete(client)


def _delete(client: Any) -> None:
    with contextlib.suppress(ObjectNotFound):
        client.delete_work_pool(WORK_POOL)


def _defaults(client: Any) -> dict[str, Any]:
    variables = client.read_work_pool(WORK_POOL).base_job_template["variables"]["properties"]
    return {name: variable.get("default") for name, variable in variables.items()}


def test_a_releases_job_defaults_stay_until_told_otherwise(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deploy(defaults: str | None) -> str:
        monkeypatch.delenv(DEFAULTS_VARIABLE, raising=False)
        if defaults is not None:
            monkeypatch.setenv(DEFAULTS_VARIABLE, defaults)
        return apply_work_pool(client, WORK_POOL, "kubernetes")["change"]

    own = {"namespace": "team-a", "image": "registry.example/harness:2", "env": {"A": "b"}}
    variables = base_job_template()["variables"]["properties"]
    shipped = {name: variable.get("default") for name, variable in variables.items()}
    assert deploy(json.dumps(own)) == "created"
    wanted = shipped | own | {"env": shipped["env"] | own["env"]}
    assert _defaults(client) == wanted
    for nothing in (None, "", " "):
        assert deploy(nothing) == "unchanged"
    assert _defaults(client) == wanted
    # A variable that the template does not have any more, and one that it did not have yet.
    text = json.dumps(client.read_work_pool(WORK_POOL).base_job_template)
    template = json.loads(text.replace("{{ memory_limit }}", "4Gi"))
    template["variables"]["properties"]["gone"] = {"default": 1}
    del template["variables"]["properties"]["memory_limit"]
    client.update_work_pool(WORK_POOL, WorkPoolUpdate(base_job_template=template))
    assert deploy(None) == "updated"
    assert _defaults(client) == wanted

    assert deploy("{}") == "updated"
    assert _defaults(client) == shipped
    assert deploy(json.dumps({"namespace": "team-b"})) == "updated"
    assert _defaults(client) == shipped | {"namespace": "team-b"}


def test_a_pool_of_another_type_is_refused(client: Any) -> None:
    assert apply_work_pool(client, WORK_POOL, "process")["change"] == "created"
    assert apply_work_pool(client, WORK_POOL, "process")["change"] == "unchanged"
    with pytest.raises(StackError, match="exists with type 'process'"):
        apply_work_pool(client, WORK_POOL, "kubernetes")


def test_a_limit_stays_until_told_otherwise(client: Any) -> None:
    assert apply_work_pool(client, WORK_POOL, "kubernetes", 10)["change"] == "created"
    assert apply_work_pool(client, WORK_POOL, "kubernetes")["change"] == "unchanged"
    assert client.read_work_pool(WORK_POOL).concurrency_limit == 10
    assert apply_work_pool(client, WORK_POOL, "kubernetes", 6)["change"] == "updated"
    assert client.read_work_pool(WORK_POOL).concurrency_limit == 6
