"""Rules of our own: what the kept rule set lacks, or judges by the tokens of a language model.

All expressions are RE2's, so repetitions may have at most 1,000 turns.
"""

from __future__ import annotations

from harness.repository.rules.rule import ASSIGN, OTHER_NAMES, TEMPLATE, SecretRule

OWN_RULES = (
    # What the issuers' newer kinds have in common; the kept rules name single ones.
    SecretRule("openai-key", r"\bsk-(?:proj|svcacct|admin)-([A-Za-z0-9_-]{40,200})", ("sk-",)),
    SecretRule("anthropic-key", r"\bsk-ant-[a-z0-9]+-([A-Za-z0-9_-]{80,120})", ("sk-ant-",)),
    SecretRule(
        "github-token",
        r"\bgh[pousr]_([A-Za-z0-9]{36,76})\b",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    ),
    SecretRule("slack-token", r"\bxox[abeoprs]-((?:\d+-){1,4}[A-Za-z0-9]{20,64})\b", ("xox",)),
    SecretRule(
        "slack-webhook",
        r"hooks\.slack\.com/services/T\w{6,14}/B\w{6,14}/([A-Za-z0-9]{20,40})",
        ("hooks.slack.com",),
    ),
    SecretRule(
        "discord-webhook",
        r"(?i)discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d{17,20}/([\w-]{60,80})",
        ("/webhooks/",),
    ),
    SecretRule(
        "discord-bot",
        r"\b([MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27,40})\b",
        ("discord",),
        min_entropy=4.0,
    ),
    SecretRule("google-oauth", r"\bGOCSPX-([\w-]{28})", ("gocspx-",)),
    SecretRule(
        "google-refresh-token", r"\b1//0[\w-]{1,2}([\w-]{40,120})", ("1//0",), min_entropy=4.0
    ),
    SecretRule("google-access-token", r"\bya29\.([\w-]{30,300})", ("ya29.",), min_entropy=3.5),
    SecretRule("pypi-token", r"\bpypi-AgEIcHlwaS5vcmc([\w-]{50,1000})", ("pypi-ageichlwas5vcmc",)),
    SecretRule(
        "gitlab-token",
        r"\bgl(?:pat|rt|ptt|dt|ft)-([\w-]{20,64})",
        ("glpat-", "glrt-", "glptt-", "gldt-", "glft-"),
    ),
    SecretRule("new-relic-key", r"\bNRAK-([A-Z0-9]{27})\b", ("nrak-",)),
    # What tools keep in files of their own, also where such a file is quoted.
    SecretRule(
        "kubeconfig-key",
        r"client-key-data: *[\"']?([A-Za-z0-9+/]{100,}={0,2})",
        ("client-key-data",),
    ),
    SecretRule(
        "docker-auth",
        r"\"(?:auth|identitytoken)\"\s{0,8}:\s{0,8}\"([A-Za-z0-9+/_.-]{20,}={0,2})\"",
        ('"auth"', "identitytoken"),
        typed=True,
        encoded=True,
    ),
    SecretRule(
        "npmrc",
        r"(?im)(?:^[ \t]*|[:\s])_(?:auth|authtoken|password)\s{0,4}=\s{0,4}[\"']?([\w+/=.-]{16,})",
        ("_auth", "_password"),
        min_entropy=3.0,
        random=True,
    ),
    SecretRule(
        "netrc",
        r"\bmachine\s+\S+\s+login\s+\S+\s+password\s+(\S{4,})",
        ("machine",),
        never=(TEMPLATE,),
        typed=True,
    ),
    SecretRule(
        "putty-key",
        r"(?i)Private-Lines: \d{1,3}\s*\n((?:[A-Za-z0-9+/=]{1,76}\r?\n?)+)",
        ("private-lines",),
    ),
    SecretRule(
        "wireguard-key",
        r"(?:PrivateKey|PresharedKey)\s{0,4}=\s{0,4}([A-Za-z0-9+/]{42}[AEIMQUYcgkosw480]=)",
        ("privatekey", "presharedkey"),
    ),
    SecretRule("jwk", r"\"(?:d|k|p|q|dp|dq|qi)\"\s{0,8}:\s{0,8}\"([\w-]{40,700})\"", ('"kty"',)),
    SecretRule("xml-rsa-key", r"<D>([A-Za-z0-9+/=\s]{80,1000})</D>", ("<d>",)),
    SecretRule(
        "age-key",
        r"(?i)AGE-SECRET-KEY-1([QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58})",
        ("age-secret-key-1",),
    ),
    SecretRule(
        "minisign-key",
        r"(?i)encrypted secret key\n([A-Za-z0-9+/=]{100,})",
        ("encrypted secret key",),
    ),
    SecretRule("vault-token", r"\bhv[sbr]\.([\w-]{24,300})", ("hvs.", "hvb.", "hvr.")),
    SecretRule(
        "azure-account-key",
        r"(?i)(?:AccountKey|SharedAccessKey)=([A-Za-z0-9+/]{32,100}={0,2})",
        ("accountkey", "sharedaccesskey"),
    ),
    SecretRule("azure-sas", r"(?i)[?&]sig=([A-Za-z0-9%+/]{40,80})", ("sig=",), min_entropy=3.5),
    SecretRule(
        "aws-secret",
        r"(?i)aws_?.{0,20}?(?:secret|session)_?(?:access)?_?(?:key|token)"
        + ASSIGN
        + r"[\"']?([A-Za-z0-9/+=]{40,1000})",
        ("aws",),
        min_entropy=3.5,
        random=True,
    ),
    SecretRule(
        "authorization",
        r"(?i)\bauthorization[\"']?\s{0,4}[:=,]\s{0,4}[\"']?(?:bearer|basic|token)\s+([\w.+/=~-]{16,1000})",
        ("authorization",),
        min_entropy=3.0,
        random=True,
    ),
    SecretRule(
        "url-password",
        r"\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s:/@'\"\x60<>\[\]{}()]{0,128}:([^\s/@'\"\x60<>]{6,256})@[\w\[]",
        ("://",),
        min_entropy=2.3,
        never=(TEMPLATE,),
        typed=True,
    ),
    # A name that says so and a value that nobody types. Without quotes only where the line ends.
    SecretRule(
        "assigned-random",
        r"(?i)(?:api[_-]?key|access[_-]?key|auth[_-]?key|private[_-]?key|secret|token|passw(?:or)?d|passphrase|"
        r"credentials?)[\w-]{0,20}" + ASSIGN + r"(?:[\"'\x60]([\w+/=.~!@#$%^&*-]{16,200})[\"'\x60]"
        r"|([A-Za-z0-9+/_-]{24,200}={0,2})(?:\s*$|\s*\n))",
        ("key", "secret", "token", "passw", "passphrase", "credential"),
        min_entropy=3.5,
        random=True,
        never=(TEMPLATE,),
        never_around=(OTHER_NAMES,),
    ),
)
