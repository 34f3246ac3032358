"""Tokens of services, in the files where they are found."""

from __future__ import annotations

import string
from collections.abc import Callable

from tests.repository.planted.making import (
    ALNUM,
    BECH32,
    DIGITS,
    HEX,
    STD64,
    UPPER,
    URL64,
    Planted,
    jwt,
    rand,
)


def _token(name: str, path: str, line: str, make: Callable[[], str]) -> Planted:
    secret = make()
    body = f"# settings of the service\nname = 'shop'\n{line.replace('@', secret)}\nretries = 3\n"
    return Planted(name, path, body.replace("\0", "@"), secret)


def tokens() -> list[Planted]:
    """Tokens of services, in the files where they are found."""
    return [
        _token(
            "aws key id", "src/s3.py", "KEY_ID = '@'", lambda: "AKIA" + rand(16, UPPER + "234567")
        ),
        _token("aws secret", "config.ini", "aws_secret_access_key = @", lambda: rand(40, STD64)),
        _token(
            "aws secret in code",
            "src/up.ts",
            'const secretAccessKey = "@";',
            lambda: rand(40, STD64),
        ),
        _token("aws session", "run.sh", 'export AWS_SESSION_TOKEN="@"', lambda: rand(300, STD64)),
        _token("bedrock", "a.py", "KEY = '@'", lambda: "ABSK" + rand(128, STD64)),
        _token("gcp api key", "map.js", 'key: "@",', lambda: "AIza" + rand(35, URL64)),
        _token("gcp oauth secret", "oauth.py", "SECRET = '@'", lambda: "GOCSPX-" + rand(28, URL64)),
        _token("gcp refresh token", "oauth.py", "REFRESH = '@'", lambda: "1//0g" + rand(80, URL64)),
        _token(
            "azure client secret",
            "az.py",
            "client_secret = '@'",
            lambda: rand(3) + "8Q~" + rand(34),
        ),
        _token(
            "azure storage",
            "app.config",
            '<add value="AccountName=a;AccountKey=@"/>',
            lambda: rand(86, STD64) + "==",
        ),
        _token(
            "azure service bus",
            "bus.json",
            '"c": "Endpoint=sb://a.servicebus.windows.net/;SharedAccessKeyName=root;SharedAccessKey=@"',
            lambda: rand(43, STD64) + "=",
        ),
        _token(
            "azure sas",
            "up.sh",
            "curl 'https://a.blob.core.windows.net/c/b?sv=2022&sig=@'",
            lambda: rand(43) + "%3D",
        ),
        _token(
            "slack bot",
            "bot.py",
            "t = '@'",
            lambda: f"xoxb-{rand(12, '123456789')}-{rand(13, '123456789')}-{rand(24)}",
        ),
        _token(
            "slack webhook",
            "ci.yml",
            "url: https://hooks.slack.com/services/@",
            lambda: f"T{rand(8, UPPER + DIGITS)}/B{rand(10, UPPER + DIGITS)}/{rand(24)}",
        ),
        _token(
            "slack app",
            "bot.py",
            "t = '@'",
            lambda: f"xapp-1-A{rand(10, UPPER + DIGITS)}-{rand(13, '123456789')}-{rand(64, HEX)}",
        ),
        _token("stripe", "pay.rb", "Stripe.api_key = '@'", lambda: "sk_live_" + rand(24)),
        _token("stripe restricted", "pay.rb", "key = '@'", lambda: "rk_live_" + rand(99)),
        _token("npm", "ci.sh", "npm config set //r/:_authToken=@", lambda: "npm_" + rand(36)),
        _token(
            "pypi",
            "release.sh",
            "TWINE_PASSWORD=@",
            lambda: "pypi-AgEIcHlwaS5vcmc" + rand(150, URL64),
        ),
        _token(
            "openai",
            "ai.py",
            "KEY = '@'",
            lambda: f"sk-proj-{rand(74, URL64)}T3BlbkFJ{rand(74, URL64)}",
        ),
        _token("openai old", "ai.py", "KEY = '@'", lambda: f"sk-{rand(20)}T3BlbkFJ{rand(20)}"),
        _token("anthropic", "ai.py", "KEY = '@'", lambda: f"sk-ant-api03-{rand(93, URL64)}AA"),
        _token("huggingface", "ai.py", "KEY = '@'", lambda: "hf_" + rand(34, string.ascii_letters)),
        _token("xai", "ai.py", "KEY = '@'", lambda: "xai-" + rand(80)),
        _token("groq", "ai.py", "KEY = '@'", lambda: "gsk_" + rand(52)),
        _token("replicate", "ai.py", "KEY = '@'", lambda: "r8_" + rand(37)),
        _token("perplexity", "ai.py", "KEY = '@'", lambda: "pplx-" + rand(48)),
        _token("databricks", "etl.py", "TOKEN = '@'", lambda: "dapi" + rand(32, HEX)),
        _token(
            "discord webhook",
            "notify.js",
            "post('https://discord.com/api/webhooks/@')",
            lambda: f"{rand(18, '123456789')}/{rand(68, URL64)}",
        ),
        _token(
            "discord bot",
            "bot.js",
            "discord.login('@')",
            lambda: f"M{rand(23)}.{rand(6)}.{rand(27, URL64)}",
        ),
        _token("github", "ci.yml", "token: @", lambda: "ghp_" + rand(36)),
        _token("github app", "ci.yml", "token: @", lambda: "ghs_" + rand(36)),
        _token("github fine", "ci.yml", "token: @", lambda: f"github_pat_{rand(22)}_{rand(59)}"),
        _token("gitlab", "ci.yml", "token: @", lambda: "glpat-" + rand(20)),
        _token("gitlab runner", "config.toml", 'token = "@"', lambda: "glrt-" + rand(20)),
        _token("gitlab registration", "reg.sh", "REG=@", lambda: "GR1348941" + rand(20)),
        _token("gitlab deploy", "ci.yml", "token: @", lambda: "gldt-" + rand(20)),
        _token("vault", "boot.sh", "export VAULT_TOKEN=@", lambda: "hvs." + rand(96, URL64)),
        _token("vault short", "boot.sh", "vault login @", lambda: "hvs." + rand(24)),
        _token("vault batch", "boot.sh", "export VAULT_TOKEN=@", lambda: "hvb." + rand(160, URL64)),
        _token(
            "terraform cloud", "main.tf", 'token = "@"', lambda: f"{rand(14)}.atlasv1.{rand(67)}"
        ),
        _token("shopify", "shop.rb", "TOKEN = '@'", lambda: "shpat_" + rand(32, HEX)),
        _token("shopify secret", "shop.rb", "SECRET = '@'", lambda: "shpss_" + rand(32, HEX)),
        _token("linear", "sync.ts", "const key = '@'", lambda: "lin_api_" + rand(40)),
        _token("age", "keys.md", "    @", lambda: "AGE-SECRET-KEY-1" + rand(58, BECH32)),
        _token("sendgrid", "mail.py", "KEY = '@'", lambda: f"SG.{rand(22)}.{rand(43)}"),
        _token("mailgun", "mail.py", "MAILGUN_API_KEY = '@'", lambda: "key-" + rand(32, HEX)),
        _token("twilio", "sms.py", "twilio_key = '@'", lambda: "SK" + rand(32, HEX)),
        _token(
            "telegram",
            "bot.py",
            "TELEGRAM_TOKEN = '@'",
            lambda: f"{rand(10, '123456789')}:A{rand(34, URL64)}",
        ),
        _token("digitalocean", "do.py", "T = '@'", lambda: "dop_v1_" + rand(64, HEX)),
        _token("cloudflare", "dns.py", "CLOUDFLARE_API_TOKEN = '@'", lambda: rand(40, URL64)),
        _token(
            "heroku",
            "deploy.sh",
            "HEROKU_API_KEY=@",
            lambda: (
                f"{rand(8, HEX)}-{rand(4, HEX)}-4{rand(3, HEX)}-a{rand(3, HEX)}-{rand(12, HEX)}"
            ),
        ),
        _token("datadog", "dd.yaml", "datadog_api_key: @", lambda: rand(32, HEX)),
        _token("new relic", "nr.py", "K = '@'", lambda: "NRAK-" + rand(27, UPPER + DIGITS)),
        _token("sentry", "s.py", "T = '@'", lambda: "sntryu_" + rand(64, HEX)),
        _token("grafana", "g.py", "T = '@'", lambda: f"glsa_{rand(32)}_{rand(8, HEX)}"),
        _token("docker hub", "ci.yml", "docker login -p @", lambda: "dckr_pat_" + rand(27, URL64)),
        _token("postman", "p.py", "T = '@'", lambda: f"PMAK-{rand(24, HEX)}-{rand(34, HEX)}"),
        _token("figma", "f.ts", "token = '@'", lambda: "figd_" + rand(40, URL64)),
        _token("notion", "n.ts", "token = '@'", lambda: "ntn_" + rand(11, DIGITS) + rand(35)),
        _token("square", "pay.py", "token = '@'", lambda: "sq0atp-" + rand(22, URL64)),
        _token(
            "atlassian",
            "j.py",
            "token = '@'",
            lambda: "ATATT3xFfGF0" + rand(171, URL64) + "=" + rand(8, HEX.upper()),
        ),
        _token("supabase", "s.ts", "key = '@'", lambda: "sbp_" + rand(40, HEX)),
        _token(
            "tailscale",
            "t.sh",
            "tailscale up --authkey @",
            lambda: f"tskey-auth-k{rand(11)}CNTRL-{rand(32)}",
        ),
        _token("json web token", "t.py", "session = '@'", jwt),
        _token("authorization header", "c.http", "Authorization: Bearer @", lambda: rand(40)),
        _token("api key of anyone", "conf.py", 'BILLING_API_KEY = "@"', lambda: rand(32)),
        _token(
            "secret of a web framework",
            "prod.py",
            "SECRET_KEY = '@'",
            lambda: rand(50, ALNUM + "!@#$%^&*".replace("@", "")),
        ),
        _token(
            "postgres url",
            "db.py",
            "DSN = 'postgresql://app:@@db.internal:5432/shop'".replace("@@", "@\0"),
            lambda: rand(14),
        ),
        _token(
            "mongodb url",
            "db.js",
            "connect('mongodb+srv://app:@\0c0.ab1cd.mongodb.net/shop')",
            lambda: rand(16),
        ),
        _token("redis url", "q.py", "Q = 'redis://:@\0cache:6379/0'", lambda: rand(20)),
        _token("amqp url", "q.py", "Q = 'amqps://app:@\0mq/v'", lambda: rand(18)),
        _token(
            "git url",
            "Dockerfile",
            "RUN git clone https://ci:@\0git.example.org/a.git",
            lambda: rand(20),
        ),
        _token("wireguard", "wg0.conf", "PrivateKey = @", lambda: rand(42, STD64) + "A="),
    ]
