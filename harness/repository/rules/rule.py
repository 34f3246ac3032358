"""What one rule for secrets says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SecretRule:
    """One rule.

    :param keywords: lower case; a text without any of them holds no such secret.
    :param group: of the expression, what is hidden; None: the first group that took part, or all
        of the match.
    :param min_entropy: bits a character, over the characters of the secret itself; less is no
        secret.
    :param random: the expression is about a name near the value, and the value could be another
        name: it counts only when it looks made by a machine.
    :param typed: a person may have chosen it, so words for a password in its place do not count.
    :param encoded: the secret is in base64; what it says is judged as well.
    :param never: expressions; a secret that one of them is found in is none.
    :param must: expressions that are all found in a secret.
    :param never_around: expressions; a whole match that one of them is found in holds no secret.
    """

    name: str
    regex: str
    keywords: tuple[str, ...]
    group: int | str | None = None
    min_entropy: float = 0.0
    random: bool = False
    typed: bool = False
    encoded: bool = False
    never: tuple[str, ...] = ()
    must: tuple[str, ...] = ()
    never_around: tuple[str, ...] = ()
