"""Secrets that only their place gives away: behind an account's name, an option, a header."""

from __future__ import annotations

from collections.abc import Callable

from tests.repository.planted.making import DIGITS, HEX, LOWER, STD64, UPPER, Planted, rand


def _mixed(length: int) -> str:
    """As a password generator makes it: of every kind."""
    kinds = (UPPER, DIGITS, LOWER, "!#%_*+")
    return "".join(rand(1, kinds[at % len(kinds)]) for at in range(length))


def places() -> list[Planted]:
    """All of them."""
    account, key_id = "AC" + rand(32, HEX), "AKIA" + rand(16, UPPER + "234567")
    lines: list[tuple[str, str, str, Callable[[], str]]] = [
        ("hex secret", "app/a.py", "SECRET = '@'", lambda: _hex(32)),
        ("hex token", "app/b.yaml", "token: @", lambda: _hex(40)),
        ("hex signing key", "app/c.py", 'signing_key = "@"', lambda: _hex(64)),
        ("hex client secret", "infra/d.tf", '  client_secret   = "@"', lambda: _hex(32)),
        ("mailchimp key alone", "app/e.py", 'configure("@")', lambda: _hex(32) + "-us14"),
        ("twilio by position", "app/f.py", f'Client("{account}", "@")', lambda: _hex(32)),
        (
            "aws by position",
            "app/g.py",
            f'boto3.client("s3", "eu", "{key_id}", "@")',
            lambda: rand(40, STD64),
        ),
        ("aws in a table", "app/h.csv", f"{key_id},@", lambda: rand(40, STD64)),
        ("password in code", "app/i.py", 'password = "@"', lambda: _mixed(16)),
        ("password of letters", "app/j.py", "passwd='@'", lambda: "KqTzWbXnVwLmRsPd"),
        (
            "spring",
            "app/application.properties",
            "spring.datasource.password=@",
            lambda: _mixed(14),
        ),
        ("password in yaml", "app/k.yaml", "  password: @", lambda: _mixed(12)),
        ("curl user", "bin/l.sh", "curl -fsS -u deploy:@ https://a.b/c", lambda: _mixed(12)),
        ("curl header", "bin/m.sh", 'curl -H "X-Api-Key: @" https://a.b', lambda: rand(32)),
        ("header in code", "app/n.py", '{"Private-Token": "@"}', lambda: rand(24, HEX)),
        ("header in a request", "app/o.http", "GET /x\nX-Auth-Token: @", lambda: rand(32)),
        ("mysqldump", "bin/p.sh", "mysqldump -u root -p@ shop > a.sql", lambda: _mixed(12)),
        ("mysql option", "bin/q.sh", "mysql --password=@ -h db shop", lambda: _mixed(12)),
        ("postgres variable", "bin/r.sh", "PGPASSWORD=@ psql -h db", lambda: _mixed(12)),
        (
            "sshpass",
            "bin/s.sh",
            "sshpass -p '@' ssh a@b".replace("a@b", "host"),
            lambda: _mixed(12),
        ),
    ]
    found = []
    for name, path, line, make in lines:
        secret = make()
        text = f"# settings of the shop\nname = shop\n{line.replace('@', secret)}\nretries = 3\n"
        found.append(Planted(name, path, text, secret))
    return found


def _hex(length: int) -> str:
    """Random digits; one in five varies less than a random text of letters would."""
    return rand(length, HEX)
