"""What one rule for secrets says, and expressions that several of them share."""

from __future__ import annotations

from dataclasses import dataclass

# Between a name and its value.
ASSIGN = r"[\"'\x60\]]{0,2}[ \t]{0,8}(?:=>|:=|=|:)[ \t]{0,8}"
TEMPLATE = r"^[<$%{\[(*]|[>}\])]$|\$\{|\{\{|\*{3}|^x+$|^\.+$|^%[a-z]"
# A page of results is continued with a token, and a name that ends so is about no secret.
OTHER_NAMES = (
    r"(?i)page_?token|next_?token|sync_?token|(?:id|name|type|url|uri|file|path|ref|arn|hash|digest|"
    r"checksum|algorithm|class)[\"'\x60\]]{0,2}[ \t]{0,8}(?:=>|:=|=|:)"
)


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
    :param mixed: it counts only when a password generator, or a careful person, made it: kinds of
        characters change all the time; or when it looks made by a machine.
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
    mixed: bool = False
    encoded: bool = False
    never: tuple[str, ...] = ()
    must: tuple[str, ...] = ()
    never_around: tuple[str, ...] = ()
