"""create-secrets.sh makes what the chart refers to, once, against a stand-in for kubectl."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import yaml

from tests.k8s.documents import K8S

# Keeps each created document in a file named after the Secret; knows get, create and -f -.
_KUBECTL = """#!/bin/sh
echo "$*" >> "$STATE/calls"
case "$*" in
    *"get -o jsonpath={.data.password} secret harness-postgres")
        sed -n 's/^  password: "\\(.*\\)"/\\1/p' "$STATE/harness-postgres.yaml" \\
            | tr -d '\\n' | base64 ;;
    *"get secret "*) for last; do :; done; test -e "$STATE/$last.yaml" ;;
    "get namespace"*) test -e "$STATE/namespace" ;;
    "create namespace"*) touch "$STATE/namespace" ;;
    "create -f -") cat > "$STATE/new"; mv "$STATE/new" \
        "$STATE/$(sed -n 's/.*{name: \\([a-z-]*\\),.*/\\1/p' "$STATE/new").yaml" ;;
    *) exit 2 ;;
esac
"""


def _run(folder: Path) -> str:
    stand_in = folder / "kubectl"
    stand_in.write_text(_KUBECTL, encoding="utf-8")
    stand_in.chmod(0o755)
    done = subprocess.run(
        [str(K8S / "create-secrets.sh"), "team-a"],
        env=os.environ | {"KUBECTL": str(stand_in), "STATE": str(folder)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_makes_the_secrets_of_the_example_and_leaves_existing_ones(tmp_path: Path) -> None:
    _run(tmp_path)
    made = {
        path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in tmp_path.glob("*.yaml")
    }
    text = (K8S / "secrets.example.yaml").read_text(encoding="utf-8")
    example = {s["metadata"]["name"]: s for s in yaml.safe_load_all(text)}
    assert {name: set(secret["stringData"]) for name, secret in made.items()} == {
        name: set(secret["stringData"]) for name, secret in example.items()
    }
    assert {secret["metadata"]["namespace"] for secret in made.values()} == {"team-a"}
    prefect = made["harness-prefect"]["stringData"]
    assert prefect["auth-string"] == f"{prefect['username']}:{prefect['password']}"
    database = made["harness-postgres"]["stringData"]["password"]
    assert f":{database}@" in made["harness-backup"]["stringData"]["HARNESS_PREFECT_DATABASE_URL"]
    values = [value for s in made.values() for value in s["stringData"].values()]
    assert all(len(value) >= 48 for value in values if value != prefect["username"])
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.yaml")}
    assert _run(tmp_path).count(" exists") == len(made)
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.yaml")} == before


def test_a_password_that_an_address_would_have_to_quote_is_left_to_people(tmp_path: Path) -> None:
    (tmp_path / "harness-postgres.yaml").write_text('stringData:\n  password: "a/b@c"\n')
    _run(tmp_path)
    assert not (tmp_path / "harness-backup.yaml").exists()
    assert (tmp_path / "harness-webhook.yaml").exists()


def test_values_are_never_arguments_of_a_command(tmp_path: Path) -> None:
    # The process list is everybody's to read.
    _run(tmp_path)
    calls = (tmp_path / "calls").read_text(encoding="utf-8")
    for path in tmp_path.glob("*.yaml"):
        for value in yaml.safe_load(path.read_text(encoding="utf-8"))["stringData"].values():
            assert value == "harness" or value not in calls
