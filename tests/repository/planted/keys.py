"""Private keys in every format that has text."""

from __future__ import annotations

import json

from tests.repository.planted.making import STD64, URL64, Planted, armoured, lines_of, rand


def keys() -> list[Planted]:
    """Private keys in every format that has text."""
    found = []
    for kind in (
        *("RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY", "PRIVATE KEY"),
        *("ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"),
    ):
        key = armoured(kind)
        text = f"# how to deploy\n\nPut this into the vault:\n\n{key}\nand restart.\n"
        found.append(Planted(kind.lower(), "docs/deploy.md", text, *lines_of(key)))
    key = armoured("RSA PRIVATE KEY", end='\\n" +\n    "')
    found.append(
        Planted(
            "key in code",
            "src/Key.java",
            f'class Key {{ String K = "{key}"; }}\n',
            *(key.split('\\n" +\n    "')[1:-2]),
        )
    )
    key = armoured("PRIVATE KEY").rstrip().rpartition("\n")[0]
    found.append(Planted("key without its end", "notes.txt", f"see\n{key}\n", *lines_of(key)))
    lines = [rand(64, STD64) for _ in range(14)]
    putty = "\n".join(
        [
            "PuTTY-User-Key-File-3: ssh-rsa",
            "Encryption: none",
            "Public-Lines: 1",
            "AAAA",
            "Private-Lines: 14",
            *lines,
        ]
    )
    found.append(Planted("putty", "id.txt", f"{putty}\n", *lines))
    jwk = {"kty": "RSA", "n": rand(342, URL64), "e": "AQAB", "d": rand(342, URL64)}
    found.append(Planted("json web key", "jwks.json", json.dumps(jwk, indent=1), jwk["d"]))
    xml = f"<RSAKeyValue><Modulus>a</Modulus><D>{rand(171, STD64)}=</D></RSAKeyValue>"
    found.append(Planted("xml key", "key.xml", xml, xml[45:100]))
    return found
