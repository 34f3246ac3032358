"""Translates the kept rule set for secrets into the data that Harness reads.

The rules are those of Betterleaks (by the author of gitleaks, MIT), as the crate `kingfisher-rules`
carries them in `generated/upstream-sources.json.gz`:

    cargo info kingfisher-rules            # downloads it into cargo's registry folder
    python -m benchmarks.secret_rules …/kingfisher-rules-3.0.1/generated/upstream-sources.json.gz

writes `harness/repository/rules/betterleaks.json` and the licence beside it, and says what it left
out and why. Everything is deterministic, so that `git diff` shows what a new release changes.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

RULES = Path(__file__).parent.parent / "harness" / "repository" / "rules"

# Names of accounts, hosts and projects are part of a credential, but none by themselves.
_NO_SECRET = re.compile(r"(client|access|application|app|account|auth|user-api|user)-id(\.\d)?$")
# Half of a pair, but the secret half.
_SECRET_HALVES = frozenset({"aws-secret-access-key", "exoscale-api-secret"})
_LEFT_OUT = {
    "curl-auth-header": "crosses lines without a bound; assignments of our own cover it",
    "curl-auth-user": "crosses lines without a bound",
    "gcp-application-default-credentials": "crosses braces without a bound; its parts are found",
    "gcp-service-account": "crosses braces without a bound; the private key in it is found",
    "generic-api-key": "judged by a tokenizer; own rule `assigned-random`",
    "generic-password": "judged by a tokenizer; names of files decide instead",
    "generic-credential-uri": "own rule `url-password`",
    "mongodb-connection-string": "own rule `url-password`",
    "hashicorp-tf-password": "names of files decide instead",
    "kubernetes-secret-yaml": "read by `kubernetes_secrets`, which takes every value",
    "pkcs12-file": "names of files decide instead",
    "private-key": "read by `private_keys`, in linear time",
    "jwt-base64": "a token within an encoded text",
    "nuget-config-password": "by the file's name",
    "freemius-secret-key": "by the file's name",
}

_ENTROPY = re.compile(r'^entropy\(finding\["secret"\]\) <=? ([\d.]+)$')
_WORDS = re.compile(r'^tokenRatio\(finding\["secret"\]\) >= 2\.5$')
_MATCHES = re.compile(r'^(!?)matchesAny\(finding\["secret"\], \[(.*)\]\)$', re.DOTALL)
_CONTAINS = re.compile(r'^containsAny\(finding\["secret"\], \[(.*)\]\)$', re.DOTALL)
_OTHER_PLACE = re.compile(r'^matchesAny\(attributes\["path"\], \[.*\]\)$', re.DOTALL)
_TEXT = re.compile(r"`([^`]*)`|\"((?:[^\"\\]|\\.)*)\"")


def main() -> None:
    """Translate; see the module."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sources", type=Path)
    sources = json.loads(gzip.decompress(parser.parse_args().sources.read_bytes()))
    (url,) = (name for name in sources if name.endswith("/betterleaks.toml"))
    (licence,) = (name for name in sources if "betterleaks" in name and name.endswith("/LICENSE"))
    config = tomllib.loads(sources[url])
    kept, left_out = [], {}
    for rule in config["rules"]:
        why = _why_not(rule)
        if why:
            left_out[rule["id"]] = why
        else:
            kept.append(_translated(rule))
    document = {
        "source": url,
        "licence": "MIT, see LICENSE-betterleaks",
        "never": _alternatives(config["filter"]),
        "rules": kept,
    }
    RULES.mkdir(exist_ok=True)
    text = json.dumps(document, indent=1, ensure_ascii=True)
    (RULES / "betterleaks.json").write_text(text + "\n", encoding="utf-8")
    (RULES / "LICENSE-betterleaks").write_text(sources[licence], encoding="utf-8")
    for name, why in left_out.items():
        print(f"left out: {name}: {why}", file=sys.stderr)
    print(f"{len(kept)} rules kept, {len(left_out)} left out")


def _why_not(rule: dict[str, Any]) -> str:
    name = rule["id"]
    if name in _LEFT_OUT:
        return _LEFT_OUT[name]
    if name in _SECRET_HALVES:
        return ""
    if rule.get("skipReport"):
        return "reported only beside another one"
    return "no secret by itself" if _NO_SECRET.search(name) else ""


def _translated(rule: dict[str, Any]) -> dict[str, Any]:
    out = {"id": rule["id"], "regex": rule["regex"], "keywords": sorted(rule["keywords"])}
    if "valueGroup" in rule:
        out["group"] = rule["valueGroup"]
    # `let` computes parts of the condition; what follows the last `;` is the condition.
    condition = rule.get("filter", "").rpartition(";")[2]
    for part in filter(None, (one.strip() for one in condition.split("||"))):
        if found := _ENTROPY.match(part):
            out["entropy"] = float(found[1])
        elif _WORDS.match(part):
            out["random"] = True
        elif found := _MATCHES.match(part):
            out["must" if found[1] else "never"] = _texts(found[2])
        elif found := _CONTAINS.match(part):
            out["never"] = [re.escape(text) for text in _texts(found[1])]
        elif not _OTHER_PLACE.match(part):
            print(f"{rule['id']}: not translated: {part}", file=sys.stderr)
    return out


def _alternatives(condition: str) -> list[str]:
    """The texts of the filter that holds for every rule."""
    matched, contained = condition.split("containsAny")
    return [
        # `^true|false|null$` lacks parentheses and would let through whatever holds "false".
        *(text for text in _texts(matched.partition(",")[2]) if text != "(?i)^true|false|null$"),
        *(re.escape(text) for text in _texts(contained.partition(",")[2])),
    ]


def _texts(listed: str) -> list[str]:
    return [
        found[1] if found[1] is not None else json.loads(f'"{found[2]}"')
        for found in _TEXT.finditer(listed)
    ]


if __name__ == "__main__":
    main()
