"""How many tasks the agent solves, with any server that speaks Ollama's protocol.

``python -m benchmarks.agent TASKS [--only ID…] [--runs N] [--system harness|mini|aider] …``

TASKS is a folder with ``tasks.json`` (a list of ``{id, text, verify}``) and ``repos/ID``, such as
``benchmarks.agent_tasks`` makes. A task is solved when its command passes on a fresh copy with the
patch applied and the tests as they were. ``mini`` and ``aider`` run mini-swe-agent and aider, from
environments of their own, on the same copies, model and limits.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.agent_measures import (
    NOT_MEASURED,
    Measures,
    measured,
    overrun_seconds,
    sampled,
)
from benchmarks.other_agents import run_aider, run_mini
from harness.agent import AgentEvent, Limits, RunOptions, run_task
from harness.agent.events import as_line
from harness.agent.options import StrategyChoice
from harness.environment import command_environment
from harness.models.ollama.chat import OllamaChatModel
from harness.models.ollama.options import OllamaOptions
from harness.workspace.patches import apply_patch
from harness.workspace.policy import CommandPolicy

_IS_TEST = re.compile(r"test|check")
SYSTEMS = ("harness", "mini", "aider")


@dataclass(frozen=True, slots=True)
class Row:
    """One run of one task. ``claimed``: the run said that it succeeded; ``detail`` is the status
    and the way of working."""

    id: str
    solved: bool
    patched: bool
    claimed: bool
    seconds: float
    prompt_tokens: int
    completion_tokens: int
    detail: str
    overrun: float = 0.0
    measures: Measures = NOT_MEASURED

    @property
    def is_false_claim(self) -> bool:
        """Whether it said so and it is not true."""
        return self.claimed and not self.solved


def passes(repository: Path, patch: str, verify: str, tools: Path) -> bool:
    """Whether a patch makes the command pass on a fresh copy, whose tests nobody has touched."""
    with tempfile.TemporaryDirectory(prefix="judge-") as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(repository, copy, symlinks=True)
        if patch:
            apply_patch(patch, copy)
            if tests := _tests(copy):
                subprocess.run(
                    ["git", "checkout", "-q", "HEAD", "--", *tests], cwd=copy, check=True
                )
            _put_back_inner_tests(repository, copy)
        done = subprocess.run(
            verify,
            shell=True,
            cwd=copy,
            env=environment(tools),
            capture_output=True,
            timeout=600,
            check=False,
        )
        return done.returncode == 0


def _put_back_inner_tests(repository: Path, copy: Path) -> None:
    """Give the sources of Rust the tests that they had: they are below the code in its own file,
    and a version without them passes."""
    for path in repository.rglob("*.rs"):
        _, mark, tests = path.read_text().partition("#[cfg(test)]")
        now = copy / path.relative_to(repository)
        if mark and now.exists():
            now.write_text(f"{now.read_text().partition(mark)[0]}{mark}{tests}")


def environment(tools: Path) -> dict[str, str]:
    """The environment of commands: the tools' folder first on the path."""
    wanted = {"PATH": f"{tools}:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}
    return {**os.environ, **wanted}


def _tests(root: Path) -> list[str]:
    names = subprocess.run(
        ["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.split()
    return [name for name in names if _IS_TEST.search(name.rpartition("/")[2].lower())]


def run_harness(
    task: Mapping[str, Any], repository: Path, options: argparse.Namespace, log: Path
) -> Row:
    """One run of our agent."""
    model = OllamaChatModel(
        OllamaOptions(
            options.host,
            chat_model=options.model,
            num_ctx=options.num_ctx,
            timeout_seconds=options.seconds,
        )
    )

    def tell(event: AgentEvent) -> None:
        if line := as_line(event):
            with log.open("a") as file:
                file.write(f"[{event.step}] {line}\n")

    # As the command line has it: toolchains lie where these variables say.
    path = environment(options.tools)["PATH"]
    policy = CommandPolicy(environment={**command_environment(), "PATH": path})
    results = log.with_suffix(".results")
    try:
        with measured(options.host, results) as measures:
            result = run_task(
                task["text"],
                repository,
                model,
                verify=task["verify"],
                limits=Limits(wall_seconds=options.seconds),
                options=RunOptions(strategy=options.strategy, policy=policy),
                results_dir=results,
                on_event=tell,
            )
    finally:
        model.close()
    solved = bool(result.patch) and passes(repository, result.patch, task["verify"], options.tools)
    return Row(
        task["id"],
        solved,
        bool(result.patch),
        result.exit_code == 0,
        round(result.duration_seconds, 1),
        result.usage.prompt_tokens,
        result.usage.completion_tokens,
        f"{result.status} {result.strategy}",
        overrun_seconds(result.duration_seconds, options.seconds),
        measures(),
    )


def run_other(
    task: Mapping[str, Any], repository: Path, options: argparse.Namespace, log: Path
) -> Row:
    """One run of another agent on a copy; the patch is what differs afterwards."""
    run = run_mini if options.system == "mini" else run_aider
    with tempfile.TemporaryDirectory(prefix="other-") as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(repository, copy, symlinks=True)
        began = time.monotonic()
        ended = run(task, copy, options, environment(options.tools), log)
        seconds = time.monotonic() - began
        base = subprocess.run(
            ["git", "rev-list", "--max-parents=0", "HEAD"],
            cwd=copy, capture_output=True, text=True, check=True,
        ).stdout.split()[0]  # fmt: skip
        subprocess.run(["git", "add", "-A"], cwd=copy, check=True)
        patch = subprocess.run(
            ["git", "diff", "--cached", "--binary", base, "--", ".", ":!.aider*"],
            cwd=copy, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        log.with_suffix(".diff").write_text(patch)
    solved = bool(patch) and passes(repository, patch, task["verify"], options.tools)
    return Row(
        task["id"], solved, bool(patch), ended.claimed, round(seconds, 1),
        ended.prompt_tokens, ended.completion_tokens, ended.detail,
    )  # fmt: skip


def table(rows: Sequence[Row], runs: int) -> str:
    """The numbers of a set of runs, as Markdown."""
    total = len(rows)
    tokens = sum(row.prompt_tokens + row.completion_tokens for row in rows)
    read = sum(row.measures.prompt_tokens for row in rows)
    again = sum(row.measures.again_tokens for row in rows)
    cells = (
        f"{sum(row.solved for row in rows)} of {total}",
        str(sum(not row.patched for row in rows)),
        str(sum(row.is_false_claim for row in rows)),
        f"{tokens // max(1, total):,}",
        f"{sum(row.seconds for row in rows) / max(1, total):.0f}",
        f"{sum(row.measures.first_turn_lost for row in rows)} of {total}",
        f"{max((row.overrun for row in rows), default=0.0):.1f} s",
        f"{again / read:.0%}" if read else "-",
        str(runs),
    )
    return (
        "| solved | no patch | false claims | tokens a task | seconds a task | first turn lost | "
        f"overrun | read again | runs |\n|{'---|' * len(cells)}\n| " + " | ".join(cells) + " |"
    )


def main() -> None:
    """Run the tasks and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tasks", type=Path)
    parser.add_argument("--only", nargs="*", default=[], metavar="ID")
    parser.add_argument("--sample", type=int, metavar="N",
                        help="N of the tasks, by the hash of their ids")  # fmt: skip
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--system", choices=SYSTEMS, default="harness")
    parser.add_argument("--strategy", choices=StrategyChoice.__args__, default="auto")
    parser.add_argument("--host", default=os.environ.get("OLLAMA_HOST", "127.0.0.1:11500"))
    parser.add_argument("--model", default="qwen2.5-coder:1.5b")
    parser.add_argument("--num-ctx", type=int, default=8192)
    parser.add_argument("--seconds", type=float, default=300.0, help="time limit of a run")
    parser.add_argument("--tools", type=Path, default=Path(sys.executable).parent,
                        help="folder with the python of the tasks' commands")  # fmt: skip
    parser.add_argument("--program", type=Path, help="mini or aider, in its own environment")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/.cache/agent"))
    options = parser.parse_args()
    options.tools = options.tools.absolute()
    tasks = json.loads((options.tasks / "tasks.json").read_text())
    if options.sample is not None:
        tasks = sampled(tasks, options.sample)
    rows: list[Row] = []
    run_one = run_harness if options.system == "harness" else run_other
    stamp = time.strftime("%H%M%S")
    for number in range(options.runs):
        for task in tasks:
            if options.only and task["id"] not in options.only:
                continue
            folder = options.out / f"{stamp}-{options.system}-{number}"
            log = (folder / f"{task['id']}.log").resolve()
            log.parent.mkdir(parents=True, exist_ok=True)
            row = run_one(task, (options.tasks / "repos" / task["id"]).resolve(), options, log)
            rows.append(row)
            mark = "solved" if row.solved else ("FALSE CLAIM" if row.is_false_claim else "-")
            print(f"{row.id:32} {mark:12} {row.seconds:6.1f} s  {row.detail}", flush=True)
            (log.parent.parent / f"{stamp}-{options.system}.json").write_text(
                json.dumps([asdict(row) for row in rows], indent=1)
            )
    print(f"\n{options.system}, {options.model}, limit {options.seconds:g} s\n")
    print(table(rows, options.runs))


if __name__ == "__main__":
    main()
