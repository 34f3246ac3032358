"""What ``harness deploy`` has registered on a server, so that ``--prune`` removes nothing else.

The ledger is a Prefect variable. What is no longer declared stays in it until it is pruned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from deployments.changes import line

VARIABLE = "harness_deployed"
# In this order: an automation is removed before the block that it uses.
KINDS = ("automation", "block", "limit", "deployment")


def settle(
    client: Any, declared: Iterable[tuple[str, str]], *, prune: bool
) -> list[dict[str, str]]:
    """Remember what is declared, by kind and name, and remove what no longer is.

    :param prune: without it, nothing is removed.
    :returns: one line for each thing that was removed.
    """
    wanted = set(declared)
    stored = client.read_variable_by_name(VARIABLE)
    before = {
        (kind, name) for kind, names in (stored.value if stored else {}).items() for name in names
    }
    removed = []
    kept = before | wanted
    if prune:
        for kind, name in sorted(before - wanted, key=lambda item: (KINDS.index(item[0]), item[1])):
            identity = _DELETE[kind](client, name)
            if identity is not None:
                removed.append(line(kind, name, identity, "deleted"))
        kept = wanted
    value = {kind: sorted(name for k, name in kept if k == kind) for kind in KINDS}
    _store(client, stored, value)
    return removed


def _store(client: Any, stored: Any, value: dict[str, list[str]]) -> None:
    from prefect.client.schemas.actions import VariableCreate, VariableUpdate

    if stored is None:
        client.create_variable(VariableCreate(name=VARIABLE, value=value))
    elif stored.value != value:
        client.update_variable(VariableUpdate(name=VARIABLE, value=value))


def _delete_automation(client: Any, name: str) -> Any:
    found = client.read_automations_by_name(name)
    for automation in found:
        client.delete_automation(automation.id)
    return found[0].id if found else None


def _delete_block(client: Any, name: str) -> Any:
    from prefect.exceptions import ObjectNotFound

    try:
        document = client.read_block_document_by_name(name, "slack-webhook")
    except ObjectNotFound:
        return None
    client.delete_block_document(document.id)
    return document.id


def _delete_limit(client: Any, name: str) -> Any:
    from prefect.exceptions import ObjectNotFound

    try:
        limit = client.read_global_concurrency_limit_by_name(name)
    except ObjectNotFound:
        return None
    client.delete_global_concurrency_limit_by_name(name)
    return limit.id


def _delete_deployment(client: Any, name: str) -> Any:
    from prefect.exceptions import ObjectNotFound

    try:
        deployment = client.read_deployment_by_name(name)
    except ObjectNotFound:
        return None
    client.delete_deployment(deployment.id)
    return deployment.id


_DELETE: dict[str, Callable[[Any, str], Any]] = {
    "automation": _delete_automation,
    "block": _delete_block,
    "limit": _delete_limit,
    "deployment": _delete_deployment,
}
