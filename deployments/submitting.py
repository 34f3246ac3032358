"""What our workers do besides Prefect's so that no run that a worker has taken is lost.

Prefect's worker takes a run by making it Pending, and then makes what carries it out. What fails in
between ends the run (Crashed, and not started again, because it never ran) or the worker, or leaves
the run Pending for ever. Here a run is put back when its start failed for a reason that may pass, a
bounded number of times, and when its worker is gone or has lost it.

The message of a taken run's state names the worker that has it. That worker looks once more before
it makes anything, so that a run that was put back, cancelled or given to another is not started.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, State, StateType, WorkerStatus
from prefect.exceptions import Abort
from prefect.states import Pending, Scheduled, Submitting
from prefect.utilities.engine import propose_state

from harness.errors import is_transient

if TYPE_CHECKING:
    from prefect.workers.base import BaseWorker

    _Worker = BaseWorker[Any, Any, Any]
else:
    _Worker = object

PUT_BACK = "Resubmitting"
"""Name of the state, of type SCHEDULED, of a run that was put back."""
MAX_TIMES = 8
# In beats of the worker's heart, of 30 s: 15 s, 30 s, 1 min … at most 15 min, 45 min in all.
# An API server that is upgraded, or moves to another node, is back by then.
_FIRST_WAIT_BEATS = 0.5
_LONGEST_WAIT_BEATS = 30.0
_HOLDER = "Taken by the worker "
_TAKEN_NAMES = ["Pending", "Submitting"]
# Waiting under one of these a run goes on with the start that was asked for before.
_WAITING_NAMES = frozenset({PUT_BACK, "Late", "AwaitingConcurrencySlot"})
# A run that has just been taken is nobody's business but its worker's.
_PATIENCE_BEATS = 2


class NotOursError(Exception):
    """While its start was prepared a run was cancelled, or put back by another worker."""


class KeepsRuns(_Worker):
    """Comes before Prefect's class among the bases of a worker."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._carried: set[UUID] = set()
        self._next_look = 0.0
        # Ids of states in which runs were found to be carried out, so that nobody is asked again.
        self._settled: set[UUID] = set()

    async def confirm(self, run_id: UUID) -> UUID:
        """Look once more whether this worker may start a run.

        :returns: the id of the present start: the same however often it is tried, and another one
            when the run is started again.
        :raises NotOursError: it may not.
        """
        states = await self._states(run_id)
        if states[-1].type != StateType.PENDING or holder(states[-1]) != self.name:
            raise NotOursError(f"the run is {states[-1].name}: {states[-1].message or ''}")
        return start_of(states)

    async def is_carried_out(self, run: FlowRun, start: UUID) -> bool:
        """Whether something carries out, or has carried out, the present start of a run that no
        living worker knows of.

        :param start: its id, as :meth:`confirm` gives it.
        """
        return False

    async def find_infrastructure(self, run: FlowRun) -> str | None:
        """What carries out a run of which it is not written down: as ``infrastructure_pid``, or
        None."""
        return None

    async def get_and_submit_flow_runs(self) -> Any:
        """What the worker does every few seconds; with each beat of its heart it also puts back
        the runs that were taken and are in nobody's hands."""
        submitted = await super().get_and_submit_flow_runs()
        if self._work_pool is not None and time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + self.heartbeat_interval_seconds
            try:
                await self._put_back_abandoned()
            except Exception:  # looked at again with the next beat
                self._logger.warning("Taken runs could not be looked at.", exc_info=True)
        return submitted

    async def _submit_run(self, flow_run: FlowRun) -> None:
        try:
            await super()._submit_run(flow_run)
        except Exception:
            # Out of here it would end the worker with everything that it carries out. A run that is
            # not Pending yet is simply found again; one that is, is put back.
            self._logger.exception("The run %s could not be submitted.", flow_run.id)
            self._release_limit_slot(flow_run.id)
            self._submitting_flow_run_ids.discard(flow_run.id)
            if self._cancelling_observer is not None:
                self._cancelling_observer.remove_in_flight_flow_run_id(flow_run.id)

    async def _submit_run_and_capture_errors(
        self, flow_run: FlowRun, task_status: Any = None
    ) -> Any:
        self._carried.add(flow_run.id)
        try:
            return await super()._submit_run_and_capture_errors(flow_run, task_status)
        finally:
            self._carried.discard(flow_run.id)

    async def _cancel_run(self, flow_run_id: UUID) -> None:
        try:
            run = await self.client.read_flow_run(flow_run_id)
            if not (run.start_time or run.infrastructure_pid) and (
                found := await self.find_infrastructure(run)
            ):
                await self.client.update_flow_run(flow_run_id, infrastructure_pid=found)
            await super()._cancel_run(flow_run_id)
        except Exception:  # as in _submit_run
            self._logger.exception("The run %s could not be cancelled.", flow_run_id)

    async def _propose_pending_state(self, flow_run: FlowRun) -> bool:
        state: State[Any] = Pending(message=f"{_HOLDER}{self.name}")
        logger = self.get_flow_run_logger(flow_run)
        try:
            found = await propose_state(self.client, state, flow_run_id=flow_run.id)
        except Abort as refusal:
            logger.info("The run is not submitted: %s", refusal)
            return False
        except Exception:
            logger.exception("The run could not be made Pending.")
            return False
        if not found.is_pending():
            logger.info("The run is not submitted: it is %s.", found.name)
        return found.is_pending()

    async def _propose_submitting_state(self, flow_run: FlowRun) -> None:
        state: State[Any] = Submitting(message=f"{_HOLDER}{self.name}")
        try:
            await propose_state(self.client, state, flow_run_id=flow_run.id)
        except Abort:  # it is no Exception, and would end the worker
            pass
        except Exception:  # only a name; what matters is looked at before the start
            self.get_flow_run_logger(flow_run).debug("Not made Submitting.", exc_info=True)

    async def _propose_crashed_state(
        self, flow_run: FlowRun, message: str, client: Any = None
    ) -> None:
        # Prefect calls this while it handles what failed; at the end of a process there is nothing.
        error = sys.exception()
        logger = self.get_flow_run_logger(flow_run)
        if isinstance(error, NotOursError):
            logger.info("The run is not started here: %s", error)
            return
        if error is not None and may_pass(error):
            try:
                if await self._put_back(flow_run.id, {self.name}, message):
                    return
            except Exception:  # it is found without an owner later
                logger.exception("The run could not be put back yet.")
                return
        await super()._propose_crashed_state(flow_run, message, client)

    async def _put_back_abandoned(self) -> None:
        taken = FlowRunFilter(
            state=FlowRunFilterState(
                type=FlowRunFilterStateType(any_=[StateType.PENDING]),
                name=FlowRunFilterStateName(any_=_TAKEN_NAMES),
            )
        )
        pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[self._work_pool_name]))
        since = datetime.now(UTC) - self._beats(_PATIENCE_BEATS)
        # What leaves our hands has its Job by then: so first this, then a look at the Jobs.
        found = [
            run
            for run in await self.client.read_flow_runs(
                flow_run_filter=taken, work_pool_filter=pool
            )
            if run.state and run.state.timestamp < since and not self._has(run.id)
        ]
        if not found:
            return
        workers = await self.client.read_workers_for_work_pool(self._work_pool_name)
        living = {one.name for one in workers if one.status == WorkerStatus.ONLINE} - {self.name}
        self._settled &= {run.state.id for run in found if run.state}
        for run in found:
            owner = holder(run.state)
            if run.state is None or run.state.id in self._settled or owner in living:
                continue
            if await self.is_carried_out(run, start_of(await self._states(run.id))):
                self._settled.add(run.state.id)
            else:
                worker = f"worker {owner}" if owner else "worker"
                reason = f"The {worker} that had taken the run is gone or has lost it"
                if not await self._put_back(run.id, {owner}, reason):
                    await super()._propose_crashed_state(run, reason)

    def _beats(self, number: float) -> timedelta:
        return timedelta(seconds=number * self.heartbeat_interval_seconds)

    def _has(self, run_id: UUID) -> bool:
        return run_id in self._submitting_flow_run_ids or run_id in self._carried

    async def _put_back(self, run_id: UUID, owners: set[str | None], reason: str) -> bool:
        """Let a run that one of these workers has taken start a little later.

        :returns: False when that has been done often enough.
        """
        states = await self._states(run_id)
        now = states[-1]
        if now.type != StateType.PENDING or holder(now) not in owners:
            return True
        times = times_put_back(states)
        if times >= MAX_TIMES:
            return False
        beats = min(_FIRST_WAIT_BEATS * 2**times, _LONGEST_WAIT_BEATS)
        state: State[Any] = Scheduled(
            name=PUT_BACK,
            scheduled_time=datetime.now(UTC) + self._beats(beats),
            message=f"{reason}. It is started again (time {times + 1} of at most {MAX_TIMES}).",
        )
        try:
            await propose_state(self.client, state, flow_run_id=run_id)
        except Abort as refusal:
            self._logger.info("The run %s is not put back: %s", run_id, refusal)
            return True
        self._logger.warning("The run %s was put back. %s", run_id, state.message)
        return True

    async def _states(self, run_id: UUID) -> list[State[Any]]:
        """All states of a run, oldest first."""
        states = await self.client.read_flow_run_states(run_id)
        return sorted(states, key=lambda state: state.timestamp)


def holder(state: State[Any] | None) -> str | None:
    """The name of the worker that has taken a run; None where the state does not say it."""
    message = (state.message if state else None) or ""
    return message.removeprefix(_HOLDER) if message.startswith(_HOLDER) else None


def start_of(states: Sequence[State[Any]]) -> UUID:
    """The id of a run's present start: of the state in which it was asked for.

    :param states: of the run, oldest first; at least one.
    """
    return states[_begin(states)].id


def times_put_back(states: Sequence[State[Any]]) -> int:
    """How often a run was put back since its present start was asked for.

    :param states: of the run, oldest first; at least one.
    """
    return sum(state.name == PUT_BACK for state in states[_begin(states) :])


def _begin(states: Sequence[State[Any]]) -> int:
    return max(
        (
            number
            for number, state in enumerate(states)
            if state.type == StateType.SCHEDULED and state.name not in _WAITING_NAMES
        ),
        default=0,
    )


def may_pass(error: BaseException | None) -> bool:
    """Whether what kept a run from starting may have gone by itself a little later.

    Prefect and its integration wrap what a server said, and lose it where they fail to read a
    proxy's page as JSON: so the first error in the chain that can be judged decides.
    """
    while error is not None:
        if isinstance(error, BaseExceptionGroup):
            return any(may_pass(one) for one in error.exceptions)
        response = getattr(error, "response", None)
        status = getattr(error, "status", None) or getattr(response, "status_code", None)
        if isinstance(status, int):
            # 409: another client changed the quota meanwhile; 403: of a token that had just ended.
            token = status == 403 and "CSRF token" in getattr(response, "text", "")
            return status >= 500 or status in (408, 409, 429) or token
        if isinstance(error, httpx.TransportError) or is_transient(error) or _is_aiohttps(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _is_aiohttps(error: BaseException) -> bool:
    # Only a worker of Kubernetes has it.
    names = {f"{one.__module__}.{one.__name__}" for one in type(error).__mro__}
    return "aiohttp.client_exceptions.ClientError" in names
