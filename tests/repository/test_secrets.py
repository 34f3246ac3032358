"""Planted secrets are seen by nobody, and what merely looks like one stays."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from harness.repository.content import SourceText, read_source
from harness.repository.credentials import redact
from harness.repository.secret_rules import rule_set
from harness.repository.skip_names import is_secret
from harness.repository.walk import walk
from tests.repository.planted import planted
from tests.repository.planted.making import rand

PLANTED = planted()
MEGABYTE = 1_000_000


def test_there_are_many_and_of_each_kind() -> None:
    assert len(PLANTED) >= 62
    assert len({one.name for one in PLANTED}) == len(PLANTED)


def test_none_is_in_what_is_indexed(tmp_path: Path) -> None:
    for number, one in enumerate(PLANTED):
        file = tmp_path / str(number) / one.path
        file.parent.mkdir(parents=True)
        file.write_text(one.text)
    sources = {}
    for file in walk(tmp_path, max_file_bytes=MEGABYTE).files:
        source = read_source(tmp_path, file, MEGABYTE)
        if isinstance(source, SourceText):
            sources[int(file.path.partition("/")[0])] = source.text
    seen = [
        one.name
        for number, one in enumerate(PLANTED)
        if any(secret in sources.get(number, "") for secret in one.secrets)
    ]
    assert seen == []
    # The files themselves are still found, without what is secret in them.
    assert len(sources) > 60


def test_none_is_in_what_an_agent_or_a_log_shows() -> None:
    by_content = [one for one in PLANTED if not is_secret(one.path)]
    for suspected in (False, True):
        seen = [
            one.name
            for one in by_content
            if any(secret in redact(one.text, suspected=suspected) for secret in one.secrets)
        ]
        assert seen == []


def test_line_numbers_stay_true() -> None:
    for one in PLANTED:
        assert redact(one.text).count("\n") == one.text.count("\n"), one.name


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("token = '<your-token>'", id="to fill in"),
        pytest.param("api_key: ${BILLING_API_KEY}", id="variable"),
        pytest.param("password: {{ .Values.db.password }}", id="template"),
        pytest.param("secret_key = os.environ['SECRET_KEY_2024_PRODUCTION']", id="lookup"),
        pytest.param("postgres://user:password@localhost/db", id="words in a URL"),
        pytest.param("https://my-user:my-secret-token@example.com/x", id="more words"),
        pytest.param("postgresql://${USER}:${PASSWORD}@db/shop", id="URL of variables"),
        pytest.param('"auth": "dXNlcm5hbWU6cGFzc3dvcmQ="', id="username:password in base64"),
        pytest.param("const apiKey = 'sk_test_1234567890abcdefghij'", id="counting"),
        pytest.param('"nextPageToken": "CjQIz5W-w6HRxAI6KQoCGAEKAiAA"', id="a page's token"),
        pytest.param("access_key_id = 'a1b2c3d4e5f6g7h8i9j0k1l2'", id="an id"),
        pytest.param("SWMKEY-1-" + "aabbccdd00112233" * 3 + "aa", id="repeating"),
        pytest.param("force_basic_auth=module.params['force_basic_auth_v2']", id="argument"),
        pytest.param("integrity = 'sha512-0a1b2c3d4e5f60718293a4b5c6d7e8f9'", id="checksum"),
        pytest.param("token_type = 'urn:ietf:params:oauth:token-type:jwt'", id="a type"),
        pytest.param("PASSWORD_HASHERS = ['django.contrib.auth.hashers.Argon2']", id="classes"),
        pytest.param("password_encryption: scram-sha-256", id="how passwords are kept"),
        pytest.param("admin.passwordMtime: 2019-03-20T17:54:53Z", id="when it was changed"),
        pytest.param('"auth.password_err": "It isn\'t long enough"', id="a message"),
        pytest.param("password = getPasswordOfUser2FromFile", id="a function"),
        pytest.param('password: "MustHaveAtLeast6Chars."', id="a demand"),
        pytest.param("password=self.Config.Password1", id="an attribute"),
        pytest.param("apiKey: SensitiveString2048;", id="a type of a field"),
        pytest.param('"access-token": TEST_DATA_BASE64,', id="a constant's name"),
        pytest.param("curl -u $USER:$PASSWORD https://a.b", id="curl with variables"),
        pytest.param("curl -u user:password https://a.b", id="curl with words"),
        pytest.param("curl -uadmin: -o file1:part2 https://a.b", id="curl without a password"),
        pytest.param("mysql -u root -p shop2024", id="asked for by mysql"),
        pytest.param("mysql -P3306 -h db1 -e 'select 1'", id="a port"),
        pytest.param("mysqldump --password=$MYSQL_PASSWORD2 shop", id="an option of a variable"),
        pytest.param("cache_key = 'd41d8cd98f00b204e9800998ecf8427e'", id="a key of a cache"),
        pytest.param("token_hash = 'd41d8cd98f00b204e9800998ecf8427e'", id="a hash of a token"),
        pytest.param("commit = '8f14e45fceea167a5a36dedd4bea2543d1f6c1f0'", id="commit"),
    ],
)
def test_no_alarm(line: str) -> None:
    text = f"def f():\n    {line}\n    return 1\n"
    assert redact(text) == text


def test_values_of_kubernetes_secrets_go_and_all_else_stays() -> None:
    manifest = (
        "kind: Secret\nmetadata:\n  name: db\nstringData:\n  user: app\n"
        "  url: '{{ .Values.url }}'\n  text: |\n    one\n    two\n  last: x1\ntype: Opaque\n"
        "---\nkind: ConfigMap\ndata:\n  a: b\n"
    )
    assert redact(manifest) == (
        "kind: Secret\nmetadata:\n  name: db\nstringData:\n  user: [redacted]\n"
        "  url: '{{ .Values.url }}'\n  text: |\n    [redacted]\n    [redacted]\n"
        "  last: [redacted]\ntype: Opaque\n---\nkind: ConfigMap\ndata:\n  a: b\n"
    )


IN_JSON = '{"kind": "Secret", "data": {"a": "{}[],:", "b": "c3VtbWVyNw=="}, "stringData": {"c": "summer7"}}'  # noqa: E501


@pytest.mark.parametrize(
    "manifest",
    [
        pytest.param("kind: List\nitems:\n- kind: Secret\n  data:\n    a: summer7\n", id="first"),
        pytest.param("items:\n- data:\n    a: summer7\n  kind: Secret\n", id="data-first"),
        pytest.param("kind: Secret\ndata: {a: summer7, b: 'summer7'}\n", id="flow"),
        pytest.param("kind: Secret\ndata: {\n  a: summer7,\n}\n", id="flow-on-lines"),
        pytest.param("kind: Secret\ndata: &d\n  a: !!str &v summer7\n", id="properties"),
        pytest.param("kind: Secret\ndata:\n  a: !!binary |\n      summer7\n", id="tag-and-block"),
        pytest.param('kind: Secret\nstringData:\n  a: "b\n   c: summer7"\n', id="quoted-on-lines"),
        pytest.param("kind: Secret\nstringData:\n  a: b\n    summer7\n", id="plain-on-lines"),
        pytest.param('kind: Secret\nstringData:\n  "a b": summer7\n', id="quoted-key"),
        pytest.param("kind: Secret\nstringData:\n  ? a\n  : summer7\n", id="question"),
        pytest.param("kind : Secret\ndata :\n  a : summer7\n", id="blanks"),
        pytest.param("kind: Secret\ndata:\n  {{ .x }}: summer7\n", id="key-of-a-template"),
        pytest.param("kind: Secret\ndata:\n  a: summer7 # {{ .x }}\n", id="comment"),
        pytest.param("kind: Secret\ndata:\n  a: {{ .x }}summer7\n", id="beside-a-template"),
        pytest.param("kind: Secret\ndata:\n  a: x vault:summer7\n", id="sign"),
        pytest.param(json.dumps(json.loads(IN_JSON), indent=1), id="json"),
        pytest.param(json.dumps({"note": IN_JSON}), id="json-in-json"),
        pytest.param(f"annotations:\n  applied: |\n    {IN_JSON}\n", id="json-in-yaml"),
        pytest.param("secretGenerator:\n- literals:\n  - a=summer7\nx: y\n", id="generator"),
        pytest.param(
            "kubectl create secret generic a \\\n  --from-literal=a=summer7", id="kubectl"
        ),
    ],
)
def test_a_value_of_a_kubernetes_secret_goes_however_it_is_written(manifest: str) -> None:
    shown = redact(manifest)
    assert "summer7" not in shown and "c3VtbWVyNw==" not in shown
    assert shown.count("\n") == manifest.count("\n")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"kind": "Secret", "data": {"type": {"b": "c"}, "a": "b"}}', id="schema"),
        pytest.param("kubectl create configmap a --from-literal=a=b1", id="configmap"),
        pytest.param("kubectl create secret generic a --from-literal=a=my-password", id="words"),
        pytest.param("kind: Secret\ndata:\n  a: {{ .x | b64enc }}-{{ .y }}:80\n", id="templates"),
        pytest.param(
            "kind: Secret\ndata:\n  {{- if .x }}\n    a: {{ .x }}\n", id="deeper-template"
        ),
    ],
)
def test_what_only_looks_like_a_kubernetes_secret_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("path", "secret"),
    [
        ("infra/terraform.tfvars", True),
        ("infra/example.tfvars", False),
        ("config/secrets.yaml", True),
        ("config/prod.secrets.yaml", True),
        ("config/secrets.example.yaml", False),
        ("chart/templates/secrets.yaml", False),
        ("web/locales/en/secrets.json", False),
        ("src/secrets.py", False),
        ("src/credentials.ts", False),
        ("deploy/service-account-key.json", True),
        ("k8s/service-account.yaml", False),
        ("client_secret_1.apps.json", True),
        ("vault_password.py", False),
    ],
)
def test_names_of_stores(path: str, secret: bool) -> None:
    assert is_secret(path) is secret


def test_every_rule_can_run_and_has_keywords() -> None:
    rules = rule_set()
    everything = " ".join(word for rule in rules.rules for word in rule.keywords)
    tried = {compiled.rule.name for compiled in rules.tried_on(everything.encode())}
    assert tried == {rule.name for rule in rules.rules}


WORDS = sorted({word for rule in rule_set().rules for word in rule.keywords})
HOSTILE = [
    pytest.param("-----BEGIN RSA PRIVATE KEY-----", id="headers"),
    pytest.param("-----BEGIN RSA PRIVATE KEY-----\n" + "\n" * 9_000, id="headers and line ends"),
    pytest.param("PRIVATE KEY-----BEGIN PRIVATE KEY-----" + "+ " * 9_000, id="noise"),
    pytest.param("-----BEGIN PRIVATE KEY-----\n" + "###a: b\n" * 2_000, id="attributes"),
    pytest.param("password" + " " * 5_000, id="blanks"),
    pytest.param("a://b:", id="addresses"),
    pytest.param("eyJ" + "a" * 30 + ".", id="web tokens"),
    pytest.param("kind: Secret\ndata:\n" + "  a: |\n   b\n" * 500, id="manifests"),
    pytest.param('"kind": "Secret" "data": {"a": \\\\\\\\ "', id="manifests in JSON"),
    pytest.param("kind: Secret\ndata:\n  a: " + "{{<$({" * 9_000, id="templates in manifests"),
    pytest.param("secret --from-literal=a=b1 " + "\\" * 99, id="commands"),
    pytest.param(" ".join(WORDS), id="every keyword"),
    pytest.param("".join(f"{word}='a1B2c3D4e5F6'\n" for word in WORDS), id="every assignment"),
]


@pytest.mark.parametrize("part", HOSTILE)
def test_time_grows_with_the_length_only(part: str) -> None:
    """Doubling a text may not take four times as long; and a megabyte takes seconds at most."""

    def seconds(size: int) -> float:
        text = (part * (size // len(part) + 1))[:size]
        began = time.thread_time()
        redact(text, suspected=True)
        return time.thread_time() - began

    redact(part, suspected=True)  # compiles the rules
    short = min(seconds(50_000) for _ in range(2))
    long = min(seconds(200_000) for _ in range(2))
    assert long < 10 * short + 0.05
    assert long < 1.0


def test_a_planted_secret_is_found_whatever_its_characters() -> None:
    """Entropy and the like must not let a real token through by chance."""
    missed = [
        token
        for token in (f"ghp_{rand(36)}" for _ in range(300))
        if token in redact(f"token: {token}\n")
    ]
    assert missed == []
