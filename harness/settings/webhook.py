"""Pushes from git servers."""

from __future__ import annotations

from pydantic import Field, SecretStr

from harness.settings.base import HomePath, Settings
from harness.webhook.options import RequestLimits

_WEBHOOK = RequestLimits()


class WebhookSettings(Settings):
    """The receiver of git servers' webhooks, `harness webhook`."""

    secret: SecretStr | None = Field(
        default=None,
        validation_alias="HARNESS_WEBHOOK_SECRET",
        description="Secret shared with the git servers. Unset: the receiver refuses to start.",
    )
    repositories: HomePath | None = Field(
        default=None,
        validation_alias="HARNESS_WEBHOOK_REPOSITORIES",
        description="JSON file of clone URLs and what a push to each of them indexes; takes "
        "precedence over the index. Unset: only the index is used.",
    )
    register_owners: str = Field(
        default="",
        validation_alias="HARNESS_WEBHOOK_REGISTER",
        description="Hosts and owners whose repositories a push may add to the registry, separated "
        "by commas, each with the name of a credential if they need one: "
        "`git.example.org/team=reader`. They are read by https and ssh; "
        "`http://git.example.org/team` allows what is not encrypted. Unset: none.",
    )
    max_body_bytes: int = Field(
        default=_WEBHOOK.max_body_bytes,
        gt=0,
        validation_alias="HARNESS_WEBHOOK_MAX_BODY_BYTES",
        description="Larger requests are refused (bytes).",
    )
    tolerance_seconds: float = Field(
        default=_WEBHOOK.tolerance_seconds,
        gt=0,
        validation_alias="HARNESS_WEBHOOK_TOLERANCE_SECONDS",
        description="How far the timestamp of a generic delivery may be off (seconds).",
    )
