"""The team's service, and its clients."""

from __future__ import annotations

from pydantic import Field, SecretStr

from harness.service.options import ProxyTrust, ServiceOptions
from harness.settings.base import HomePath, Settings, names

_SERVICE = ServiceOptions()


class ServiceSettings(Settings):
    """The team's page, API and MCP over HTTP, `harness serve`."""

    port: int = Field(
        default=_SERVICE.port,
        ge=0,
        le=65_535,
        validation_alias="HARNESS_SERVE_PORT",
        description="Port of the service; 0: any free one.",
    )
    hosts: str = Field(
        default="",
        validation_alias="HARNESS_SERVE_HOSTS",
        description="Names under which the service is called, separated by commas. Unset: on "
        "loopback those of this machine, elsewhere any.",
    )
    tokens: HomePath | None = Field(
        default=None,
        validation_alias="HARNESS_TOKENS_FILE",
        description="File of the tokens' hashes. Unset: `service/tokens.json` under the data "
        "directory.",
    )
    proxy_addresses: str = Field(
        default="",
        validation_alias="HARNESS_PROXY_ADDRESSES",
        description="Networks of an authenticating proxy whose user and groups are believed, "
        "separated by commas. Unset: none.",
    )
    ingress_addresses: str = Field(
        default="",
        validation_alias="HARNESS_INGRESS_ADDRESSES",
        description="Networks of proxies, such as an Ingress, whose `X-Forwarded-For` says where a "
        "request without a token came from, so that each client has limits of its own; separated "
        "by commas. Unset: none.",
    )
    proxy_groups: HomePath | None = Field(
        default=None,
        validation_alias="HARNESS_PROXY_GROUPS",
        description="JSON file of what the proxy's groups may do.",
    )
    requests_per_minute: int = Field(
        default=_SERVICE.requests_per_minute,
        ge=10,
        validation_alias="HARNESS_REQUESTS_PER_MINUTE",
        description="Most requests of one caller.",
    )
    log_queries: bool = Field(
        default=_SERVICE.log_queries,
        validation_alias="HARNESS_LOG_QUERIES",
        description="Whether the audit log also holds what was asked.",
    )

    prefect_ui_url: str = Field(
        default=_SERVICE.prefect_ui_url,
        pattern=r"^(https?://\S+)?$",
        validation_alias="HARNESS_PREFECT_UI_URL",
        description="Where a browser finds Prefect's UI, for links on the page. Unset: where its "
        "API is.",
    )

    def options(self) -> ServiceOptions:
        """What the service is told."""
        return ServiceOptions(
            port=self.port,
            hosts=names(self.hosts),
            requests_per_minute=self.requests_per_minute,
            log_queries=self.log_queries,
            prefect_ui_url=self.prefect_ui_url.rstrip("/"),
        )

    def proxy(self) -> ProxyTrust:
        """Which proxy is believed."""
        return ProxyTrust(
            names(self.proxy_addresses),
            names(self.ingress_addresses),
            groups_file=self.proxy_groups,
        )


class ClientSettings(Settings):
    """The team's service, which `harness search`, `symbol`, `map`, `ask`, `status` and `task` ask
    in place of this machine's index."""

    url: str | None = Field(
        default=None,
        validation_alias="HARNESS_URL",
        description="Address of the service (`https://code.example.org`). Unset: this machine.",
    )
    token: SecretStr | None = Field(
        default=None,
        validation_alias="HARNESS_TOKEN",
        description="Token for it, from `harness tokens create`.",
    )
