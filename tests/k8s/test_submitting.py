"""Which failed starts are tried again, how often, and under which name of the Job."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import aiohttp
import httpx
import pytest
from kubernetes_asyncio.client.exceptions import ApiException
from prefect.client.schemas.objects import State
from prefect.exceptions import InfrastructureError, PrefectHTTPStatusError
from prefect.states import Pending, Running, Scheduled

from deployments.kubernetes_worker import job_name
from deployments.submitting import PUT_BACK, holder, may_pass, start_of, times_put_back


def _prefects(status: int, text: str = "") -> Exception:
    request = httpx.Request("GET", "http://prefect.example/api")
    response = httpx.Response(status, text=text, request=request)
    return PrefectHTTPStatusError("refused", request=request, response=response)


def _raised(raise_it: Callable[[], Any]) -> BaseException:
    try:
        raise_it()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def _as_prefect_says_it(status: int) -> BaseException:
    def refuse() -> None:
        try:
            raise ApiException(status=status)
        except ApiException as error:
            raise InfrastructureError("Unable to create Kubernetes job") from error

    return _raised(refuse)


def _page() -> BaseException:
    """What Prefect's integration raises where the answer is no JSON."""

    def read() -> None:
        try:
            raise ApiException(status=502)
        except ApiException:
            json.loads("<p>Bad Gateway</p>")

    return _raised(read)


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        pytest.param(_prefects(500), True, id="prefect-500"),
        pytest.param(_prefects(403, "Invalid CSRF token"), True, id="token-ended"),
        pytest.param(_prefects(403, "Forbidden"), False, id="prefect-403"),
        pytest.param(httpx.ReadError("cut"), True, id="prefect-cut"),
        pytest.param(_as_prefect_says_it(503), True, id="kubernetes-503"),
        pytest.param(_as_prefect_says_it(409), True, id="kubernetes-conflict"),
        pytest.param(_as_prefect_says_it(422), False, id="job-invalid"),
        pytest.param(_as_prefect_says_it(403), False, id="quota"),
        pytest.param(_page(), True, id="page-of-a-proxy"),
        pytest.param(aiohttp.ServerDisconnectedError(), True, id="kubernetes-cut"),
        pytest.param(TimeoutError(), True, id="silence"),
        pytest.param(ExceptionGroup("", [httpx.ReadError("cut")]), True, id="of-a-task-group"),
        pytest.param(ValueError("no such variable"), False, id="template"),
    ],
)
def test_what_may_pass_is_tried_again(error: BaseException, passes: bool) -> None:
    assert may_pass(error) is passes


def _history(*names: str) -> list[State[Any]]:
    """States one second apart; what is not Pending or Running waits for a start."""
    makers: dict[str, Any] = {"Pending": Pending, "Submitting": Pending, "Running": Running}
    began = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        makers.get(name, Scheduled)(
            name=name, id=UUID(int=number), timestamp=began + timedelta(seconds=number)
        )
        for number, name in enumerate(names)
    ]


@pytest.mark.parametrize(
    ("names", "start", "times"),
    [
        (("Scheduled", "Pending"), 0, 0),
        (("Scheduled", "Late", "Pending", "Submitting"), 0, 0),
        (("Scheduled", "Pending", PUT_BACK, "Pending", PUT_BACK, "Pending"), 0, 2),
        (("Scheduled", "Pending", PUT_BACK, "Pending", "Running", "Restarting", "Pending"), 5, 0),
        (("Scheduled", "Running", "AwaitingRetry", "Pending", PUT_BACK, "Pending"), 2, 1),
        (("Pending",), 0, 0),
    ],
)
def test_a_start_that_was_put_back_is_the_same_start(
    names: tuple[str, ...], start: int, times: int
) -> None:
    history = _history(*names)
    assert start_of(history) == UUID(int=start)
    assert times_put_back(history) == times


def test_a_state_names_the_worker_that_has_the_run() -> None:
    assert holder(Pending(message="Taken by the worker w 1")) == "w 1"
    assert holder(Pending(message="Kubernetes pod is pending.")) is None
    assert holder(None) is None


def test_each_start_has_one_name_of_its_job() -> None:
    one, other = UUID(int=1), UUID(int=2)
    assert job_name("curious-otter-", one) == f"curious-otter-{one.hex[-12:]}"
    assert job_name("curious-otter-", one) != job_name("curious-otter-", other)
    # A pod's name is a label, too: 63 characters, 6 of which Kubernetes adds.
    assert len(job_name("x" * 45 + "-", one)) <= 57
