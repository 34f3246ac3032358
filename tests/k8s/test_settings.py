"""Names that cross borders: ConfigMap keys are settings, Prefect's variables exist."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from pydantic_settings import BaseSettings

from harness import settings
from tests.k8s.documents import CHART, VALUES_SETS, kind, pods, rendered
from tests.k8s.values_table import table

NEEDS_TOOLS = True


def _setting_names() -> set[str]:
    return {
        str(field.validation_alias)
        for one in settings.classes()
        for field in one.model_fields.values()
    }


@pytest.mark.parametrize("values_set", VALUES_SETS)
def test_every_key_of_the_config_map_is_a_setting(values_set: str) -> None:
    (config,) = [
        document
        for document in kind(rendered(values_set), "ConfigMap")
        if document["metadata"]["name"] == "harness-config"
    ]
    # The claim is read by `harness deploy`, which the bootstrap Job and the toolbox run.
    assert set(config["data"]) <= _setting_names() | {
        "HARNESS_BACKUPS_CLAIM", "HARNESS_BACKUP_SECRET", "AWS_DEFAULT_REGION",
        "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
    }  # fmt: skip
    assert {"OLLAMA_HOST", "CHAT_MODEL", "EMBED_MODEL"} <= set(config["data"])


def _prefect_variables() -> Iterator[tuple[str, str]]:
    for values_set in VALUES_SETS:
        for pod in pods(rendered(values_set)):
            for container in pod.containers():
                for entry in container.get("env", []):
                    if entry["name"].startswith("PREFECT_"):
                        yield entry["name"], str(entry.get("value", ""))


def test_prefect_knows_every_variable_and_accepts_its_value() -> None:
    given = dict(_prefect_variables())
    from prefect.settings.models.root import Settings
    from prefect_kubernetes.settings import KubernetesSettings

    known: set[str] = set()

    def collect(model: type[BaseSettings]) -> None:
        prefix = str(model.model_config.get("env_prefix", ""))
        for name, field in model.model_fields.items():
            known.add(f"{prefix}{name}".upper())
            choices = getattr(field.validation_alias, "choices", [])
            known.update(choice.upper() for choice in choices if isinstance(choice, str))
            if isinstance(field.annotation, type) and issubclass(field.annotation, BaseSettings):
                collect(field.annotation)

    collect(Settings)
    collect(KubernetesSettings)
    # Those below handlers override Prefect's logging.yml (test_monitoring).
    assert {name for name in given if not name.startswith("PREFECT_LOGGING_HANDLERS_")} <= known
    # And the values parse: Prefect refuses to start on one that does not.
    environment = {name: value for name, value in given.items() if value}
    code = (
        "from prefect.settings import get_current_settings as s;"
        "from prefect_kubernetes.settings import KubernetesSettings as K;"
        "server=s().server;"
        "print(server.services.db_vacuum.retention_period.days,"
        "server.events.retention_period.days, sorted(server.services.db_vacuum.enabled),"
        "K().observer.namespaces)"
    )
    environment["PREFECT_INTEGRATIONS_KUBERNETES_OBSERVER_NAMESPACES"] = "harness"
    environment |= {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PREFECT_HOME": "/tmp/none"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "30 30 ['events', 'flow_runs'] {'harness'}"


def test_readme_lists_every_value() -> None:
    values = (CHART / "values.yaml").read_text(encoding="utf-8")
    readme = (CHART / "README.md").read_text(encoding="utf-8")
    assert readme.endswith(table(values)), "run `make manifests`"
