"""Runs mini-swe-agent and aider on a task, from environments of their own.

Each gets the task's text and the command that must pass, the same model through the same server,
the same time limit. How to install them: ``pip install mini-swe-agent`` and ``pip install
aider-chat``, each into an environment of its own; ``--program`` names the executable.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TOKENS = re.compile(r"Tokens: ([\d.]+)(k?) sent, ([\d.]+)(k?) received")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended; ``claimed``: it submitted, or said that the command passes."""

    claimed: bool
    prompt_tokens: int
    completion_tokens: int
    detail: str


def run_mini(
    task: Mapping[str, Any],
    copy: Path,
    options: argparse.Namespace,
    environment: Mapping[str, str],
    log: Path,
) -> Ended:
    """mini-swe-agent with its own default configuration for local work, without a person."""
    trajectory = log.with_suffix(".traj.json")
    text = f"{task['text']}\n\nThis command must pass at the end: {task['verify']}"
    command = [
        str(options.program), "--yolo", "--exit-immediately", "--task", text,
        "--model", f"ollama_chat/{options.model}", "--cost-limit", "0",
        "--output", str(trajectory),
    ]  # fmt: skip
    wanted = {
        **environment,
        "OLLAMA_API_BASE": _url(options.host),
        "MSWEA_CONFIGURED": "true",
        "MSWEA_COST_TRACKING": "ignore_errors",
        "MSWEA_GLOBAL_CONFIG_DIR": str(log.parent / "mini-config"),
    }
    said = _run(command, copy, wanted, options.seconds, log)
    try:
        saved = json.loads(trajectory.read_text())
    except (OSError, ValueError):
        return Ended(False, 0, 0, f"no trajectory, {said}")
    status = str(saved.get("info", {}).get("exit_status", said))
    prompt, written = _usage(saved)
    return Ended(status == "Submitted", prompt, written, f"{status}, {said}")


def run_aider(
    task: Mapping[str, Any],
    copy: Path,
    options: argparse.Namespace,
    environment: Mapping[str, str],
    log: Path,
) -> Ended:
    """aider with its defaults for this model and its repair loop over the test command."""
    text = f"{task['text']}\n\nThis command must pass at the end: {task['verify']}"
    # As its documentation asks of users of Ollama, whose own window is 2,048 tokens.
    settings = log.with_suffix(".model.yml")
    settings.write_text(
        f"- name: ollama_chat/{options.model}\n  extra_params:\n    num_ctx: {options.num_ctx}\n"
    )
    command = [
        str(options.program), "--model", f"ollama_chat/{options.model}", "--yes-always",
        "--no-check-update", "--no-show-release-notes", "--analytics-disable", "--no-auto-commits",
        "--no-gitignore", "--no-suggest-shell-commands", "--test-cmd", task["verify"],
        "--auto-test", "--model-settings-file", str(settings), "--message", text,
    ]  # fmt: skip
    wanted = {**environment, "OLLAMA_API_BASE": _url(options.host), "AIDER_NO_BROWSER": "1"}
    said = _run(command, copy, wanted, options.seconds, log)
    output = log.read_text(errors="replace")
    sent = received = 0.0
    for match in _TOKENS.finditer(output):
        sent += float(match[1]) * (1000 if match[2] else 1)
        received += float(match[3]) * (1000 if match[4] else 1)
    # It ends with success as well when the command still fails after its last attempt.
    gave_up = "reflections allowed, stopping" in output
    claimed = "Applied edit to" in output and said == "ended" and not gave_up
    return Ended(claimed, int(sent), int(received), "gave up" if gave_up else said)


def _url(host: str) -> str:
    return host if "://" in host else f"http://{host}"


def _run(
    command: list[str], copy: Path, environment: Mapping[str, str], seconds: float, log: Path
) -> str:
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=copy, env=dict(environment), stdin=subprocess.DEVNULL,
            stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return "time limit"
    return "ended" if process.returncode == 0 else f"exit {process.returncode}"


def _usage(saved: Mapping[str, Any]) -> tuple[int, int]:
    prompt = written = 0
    for message in saved.get("messages", ()):
        usage = ((message.get("extra") or {}).get("response") or {}).get("usage") or {}
        prompt += int(usage.get("prompt_tokens") or 0)
        written += int(usage.get("completion_tokens") or 0)
    return prompt, written
