"""Write k8s/manifests from the chart: ``python -m tests.k8s.render`` (``make manifests``).

One file for each template, in the same folders, and a kustomization.yaml that lists them.
``--check`` writes nothing and fails on a difference.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from tests.k8s import tools
from tests.k8s.documents import CHART, K8S, run

_HEAD = (
    "# Rendered from k8s/chart by `make manifests`; edit the chart or k8s/manifests.values.yaml.\n"
)
_SOURCE = "# Source: harness/templates/"


def manifests() -> dict[str, str]:
    """Text by path below k8s/manifests."""
    done = run(
        tools.helm(4), "template", "harness", CHART, "--namespace", "harness", "--skip-tests",
        "--values", K8S / "manifests.values.yaml",
    )  # fmt: skip
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    files: dict[str, str] = {}
    for document in done.stdout.split("\n---\n"):
        document = document.removeprefix("---\n").strip("\n")
        if not document.startswith(_SOURCE):
            raise SystemExit(f"not a document of a template: {document[:80]!r}")
        source, _, body = document.partition("\n")
        lines = [line.rstrip() for line in body.strip("\n").splitlines()]
        # A template may render to nothing but comments.
        if all(not line or line.lstrip().startswith("#") for line in lines):
            continue
        name = source.removeprefix(_SOURCE)
        text = "\n".join(lines) + "\n"
        files[name] = files[name] + "---\n" + text if name in files else _HEAD + text
    listing = "".join(f"  - {name}\n" for name in sorted(files))
    files["kustomization.yaml"] = (
        f"{_HEAD}apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
        f"resources:\n{listing}"
    )
    return files


def committed(folder: Path = K8S / "manifests") -> dict[str, str]:
    """What is in the folder now."""
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*.yaml"))
    }


def main() -> None:
    """Write or check."""
    parser = argparse.ArgumentParser(prog="python -m tests.k8s.render", description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail on a difference, write nothing")
    wanted = manifests()
    if parser.parse_args().check:
        sys.exit(0 if wanted == committed() else "k8s/manifests differ: run `make manifests`")
    folder = K8S / "manifests"
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in wanted.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    print(f"{len(wanted)} files in {folder}")


if __name__ == "__main__":
    main()
