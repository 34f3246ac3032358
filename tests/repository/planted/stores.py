"""Files that tools and people keep secrets in."""

from __future__ import annotations

import json

from tests.repository.planted.making import HEX, STD64, Planted, armoured, b64, lines_of, rand


def stores() -> list[Planted]:
    """Files that tools and people keep secrets in."""
    passwords = [rand(16) for _ in range(12)]
    key = armoured("PRIVATE KEY", end="\\n")
    account = {
        "type": "service_account",
        "project_id": "shop",
        "private_key_id": rand(40, HEX),
        "private_key": key,
        "client_email": "a@shop.iam.gserviceaccount.com",
    }
    auth = b64(f"ci:{passwords[0]}")
    encoded = b64(passwords[1])
    short = "w1nter"
    manifest = (
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ntype: Opaque\ndata:\n"
        f"  password: {encoded}\nstringData:\n  user: app\n  pin: {short}\n"
        f"  file: |\n    first={passwords[2]}\n    second={passwords[3]}\n"
        "---\nkind: ConfigMap\ndata:\n  a: b\n"
    )
    kube = (
        "apiVersion: v1\nkind: Config\nusers:\n- name: admin\n  user:\n"
        f"    client-key-data: {b64(armoured('RSA PRIVATE KEY'))}\n    token: {rand(40)}\n"
    )
    return [
        Planted(
            "terraform.tfvars",
            "infra/terraform.tfvars",
            f'region = "eu"\ndb_password = "{short}"\n',
            short,
        ),
        Planted("prod.auto.tfvars", "infra/prod.auto.tfvars", f'db_password = "{short}"\n', short),
        Planted("secrets.yaml", "config/secrets.yaml", f"database:\n  password: {short}\n", short),
        Planted(
            "secrets.yml of rails",
            "config/secrets.yml",
            f"production:\n  secret_key_base: {rand(128, HEX)}\n  pin: {short}\n",
            short,
        ),
        Planted("secrets.json", "secrets.json", json.dumps({"smtp": {"password": short}}), short),
        Planted("secrets.toml", ".streamlit/secrets.toml", f'password = "{short}"\n', short),
        Planted(
            "service account",
            "deploy/service-account.json",
            json.dumps(account, indent=2),
            *lines_of(key),
        ),
        Planted(
            "service account elsewhere",
            "deploy/shop-prod-1a2b.json",
            json.dumps(account, indent=2),
            *lines_of(key),
        ),
        Planted(
            "credentials.json",
            "credentials.json",
            json.dumps({"user": "a", "password": short}),
            short,
        ),
        Planted(
            "kubernetes secret", "k8s/db.yaml", manifest, encoded, short, passwords[2], passwords[3]
        ),
        Planted("kubeconfig", "ops/kubeconfig", kube, kube[120:200]),
        Planted("kubeconfig elsewhere", "ops/cluster.yaml", kube, kube[120:200]),
        Planted(
            "docker config",
            ".docker/config.json",
            json.dumps({"auths": {"r": {"auth": auth}}}),
            auth,
        ),
        Planted(
            "docker config elsewhere",
            "ci/registry.json",
            json.dumps({"auths": {"r": {"auth": auth}}}),
            auth,
        ),
        Planted("netrc", ".netrc", f"machine h login a password {passwords[4]}\n", passwords[4]),
        Planted(
            "netrc in a script",
            "ci.sh",
            f'echo "machine h login a password {passwords[4]}" > ~/.netrc\n',
            passwords[4],
        ),
        Planted("pgpass", ".pgpass", f"db:5432:shop:app:{passwords[5]}\n", passwords[5]),
        Planted("my.cnf", ".my.cnf", f"[client]\npassword={passwords[6]}\n", passwords[6]),
        Planted("npmrc", ".npmrc", f"//r/:_authToken={passwords[7]}\n", passwords[7]),
        Planted("pypirc", ".pypirc", f"[pypi]\npassword={passwords[8]}\n", passwords[8]),
        Planted(".env", ".env", f"DB_PASSWORD={short}\n", short),
        Planted(".env.production", "app/.env.production", f"DB_PASSWORD={short}\n", short),
        Planted("htpasswd", ".htpasswd", f"a:$apr1${passwords[9]}\n", passwords[9]),
        Planted(
            "git credentials", ".git-credentials", f"https://a:{passwords[10]}@h\n", passwords[10]
        ),
        Planted(
            "aws credentials",
            ".aws/credentials",
            f"[default]\naws_secret_access_key={rand(40, STD64)}\n",
            "aws_secret",
        ),
        Planted("ssh key", "id_ed25519", armoured("OPENSSH PRIVATE KEY"), "PRIVATE"),
        Planted("pem", "tls/server.pem", armoured("PRIVATE KEY"), "PRIVATE"),
        Planted("terraform state", "terraform.tfstate", json.dumps({"password": short}), short),
        Planted("ansible vault password", ".vault_pass", f"{short}\n", short),
    ]
