"""Settings from the environment, one small class per subsystem.

They are built by the doors (command line, servers, flow bodies) and by :mod:`harness.configured`,
never at import and never kept in a global. Defaults belong to the option classes of the parts that
use them. docs/settings.md is made from the fields' names and descriptions.
"""

from harness.settings.agent import AgentSettings
from harness.settings.base import Settings, load
from harness.settings.data import BackupSettings, DataSettings, ResultsSettings
from harness.settings.index import IndexSettings
from harness.settings.models import OllamaSettings
from harness.settings.orchestration import (
    ChecksSettings,
    NotifySettings,
    PrefectSettings,
    ScheduleSettings,
    StackSettings,
    WorkerSettings,
)
from harness.settings.service import ClientSettings, ServiceSettings
from harness.settings.store import QdrantSettings
from harness.settings.webhook import WebhookSettings

_ALL = (
    DataSettings,
    BackupSettings,
    ResultsSettings,
    IndexSettings,
    StackSettings,
    OllamaSettings,
    AgentSettings,
    QdrantSettings,
    PrefectSettings,
    WorkerSettings,
    ChecksSettings,
    ScheduleSettings,
    NotifySettings,
    WebhookSettings,
    ServiceSettings,
    ClientSettings,
)

__all__ = [
    "AgentSettings",
    "BackupSettings",
    "ChecksSettings",
    "ClientSettings",
    "DataSettings",
    "IndexSettings",
    "NotifySettings",
    "OllamaSettings",
    "PrefectSettings",
    "QdrantSettings",
    "ResultsSettings",
    "ScheduleSettings",
    "ServiceSettings",
    "StackSettings",
    "WebhookSettings",
    "WorkerSettings",
    "classes",
    "load",
]


def classes() -> list[type[Settings]]:
    """Every settings class, in the order of docs/settings.md."""
    return list(_ALL)
