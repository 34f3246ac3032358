"""The work pool that holds every deployment, and its base job template."""

from __future__ import annotations

import os
from typing import Any

from deployments.changes import line
from deployments.job_template import (
    DEFAULTS_VARIABLE,
    read_defaults,
    with_defaults,
    with_defaults_of,
)
from harness.errors import StackError


def apply_work_pool(
    client: Any, name: str, pool_type: str, at_once: int | None = None
) -> dict[str, str]:
    """Create the work pool or bring its base job template up to date; its id stays.

    :param pool_type: ``process`` or ``kubernetes``.
    :param at_once: most flow runs at the same time, counted by the server; a Kubernetes worker's
        own limit counts only until a Job exists. None leaves the pool's limit alone.
    :raises StackError: it exists with another type, or the job defaults cannot be used.
    """
    from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
    from prefect.exceptions import ObjectNotFound

    try:
        pool = client.read_work_pool(name)
    except ObjectNotFound:
        pool = None
    existing = pool.base_job_template if pool is not None and pool.type == pool_type else None
    template = _base_job_template(pool_type, existing)
    if pool is None:
        pool = client.create_work_pool(
            WorkPoolCreate(
                name=name,
                type=pool_type,
                base_job_template=template,
                concurrency_limit=at_once,
                description="Runs every Harness deployment.",
            )
        )
        return line("work-pool", pool.name, pool.id, "created")
    if pool.type != pool_type:
        raise StackError(
            f"the work pool {name!r} exists with type {pool.type!r}; use --pool {pool.type}, "
            f"choose another with HARNESS_WORK_POOL, or `prefect work-pool delete {name}`"
        )
    limit = pool.concurrency_limit if at_once is None else at_once
    if pool.base_job_template == template and pool.concurrency_limit == limit:
        return line("work-pool", pool.name, pool.id, "unchanged")
    update = WorkPoolUpdate(base_job_template=template, concurrency_limit=limit)
    client.update_work_pool(name, update)
    return line("work-pool", pool.name, pool.id, "updated")


def _base_job_template(pool_type: str, existing: dict[str, Any] | None) -> dict[str, Any]:
    """The pool's template. Without defaults in the environment those of an existing pool are kept:
    the chart has set them, and this may be a person's `harness deploy`."""
    if pool_type == "kubernetes":
        text = os.environ.get(DEFAULTS_VARIABLE, "")
        try:
            if existing and not text.strip():
                return with_defaults_of(existing)
            return with_defaults(read_defaults(text))
        except (OSError, ValueError) as error:
            raise StackError(str(error)) from None
    from prefect.workers.process import ProcessWorker

    return ProcessWorker.get_default_base_job_template()
