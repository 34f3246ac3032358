"""Automations of deployments/automations.yaml, and the block through which they notify."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from deployments.changes import line
from harness.stack.options import StackOptions

NOTIFY_BLOCK = "harness-notify"


def apply_automations(client: Any, work_pool: str, notify_url: str | None) -> list[dict[str, str]]:
    """Create or update each automation by name; ids stay, and one paused in the UI stays paused.

    One that would only notify is there only while it can: Prefect's UI shows nothing of what one
    with an empty action does.

    :param work_pool: whose runs they watch.
    :param notify_url: Apprise URL; None leaves the notifications out.
    """
    lines = []
    block_id = None
    if notify_url:
        lines.append(_apply_notify_block(notify_url))
        block_id = lines[0]["id"]
    for entry in declared(work_pool):
        if block_id or entry.get("actions"):
            lines.append(_apply(client, entry, block_id))
        else:
            lines += _remove(client, entry["name"])
    return lines


def declared(work_pool: str) -> list[dict[str, Any]]:
    """The entries of automations.yaml; those that watch the default work pool watch this one."""
    path = Path(__file__).with_name("automations.yaml")
    entries: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))["automations"]
    default = {
        "prefect.resource.role": "work-pool",
        "prefect.resource.name": StackOptions().work_pool,
    }
    for entry in entries:
        related = entry["trigger"]["match_related"]
        for resource in related if isinstance(related, list) else [related]:
            if resource == default:
                resource["prefect.resource.name"] = work_pool
    return entries


def _apply(client: Any, entry: dict[str, Any], block_id: str | None) -> dict[str, str]:
    from prefect.events.schemas.automations import AutomationCore

    text = entry.pop("notify", None)
    if text and block_id:
        notification = {
            "type": "send-notification",
            "block_document_id": block_id,
            "subject": entry["description"],
            "body": text,
        }
        entry["actions"] = [*entry.get("actions", ()), notification]
    wanted = AutomationCore.model_validate(entry)
    found = client.read_automations_by_name(wanted.name)
    if not found:
        return line("automation", wanted.name, client.create_automation(wanted), "created")
    current = found[0]
    known = AutomationCore.model_validate(current.model_dump(exclude={"id"}))
    wanted = wanted.model_copy(update={"enabled": known.enabled})
    # By content: the server adds ids to triggers, and sets have no order.
    if known.model_dump() == wanted.model_dump():
        return line("automation", wanted.name, current.id, "unchanged")
    client.update_automation(current.id, wanted)
    return line("automation", wanted.name, current.id, "updated")


def _remove(client: Any, name: str) -> list[dict[str, str]]:
    found = client.read_automations_by_name(name)
    for automation in found:
        client.delete_automation(automation.id)
    return [line("automation", name, automation.id, "deleted") for automation in found]


def _apply_notify_block(url: str) -> dict[str, str]:
    """Keep the URL in a block, where it is encrypted and hidden in the UI."""
    from prefect.blocks.notifications import SlackWebhook
    from pydantic import SecretStr

    # The server sends through block types that it knows itself. This one hands every URL that is
    # not Slack's to Apprise as it is, so any of Apprise's services will do.
    wanted = SlackWebhook(url=SecretStr(url))
    try:
        found: Any = SlackWebhook.load(NOTIFY_BLOCK)
    except ValueError:  # Prefect's "not found"
        found = None
    if found is not None and found.url == wanted.url:
        return line("block", NOTIFY_BLOCK, found._block_document_id, "unchanged")
    identity = wanted.save(NOTIFY_BLOCK, overwrite=True)
    return line("block", NOTIFY_BLOCK, identity, "created" if found is None else "updated")
