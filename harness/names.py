"""Names from outside that become part of a path or of an address.

The one place that decides: whoever joins a name that was read from a file, a server or a person to
a folder calls :func:`path_name` first, at the join and not where the name came in. A name that was
checked at one door and used from another is how a backup could have named a folder outside.
"""

from __future__ import annotations

import re

from harness.errors import UnsafeNameError

_MAX_BYTES = 200
_UNSAFE = re.compile(r"[/\\\x00-\x1f\x7f]")


def path_name(name: object, what: str, pattern: re.Pattern[str] | None = None) -> str:
    """A name that is one part of a path and stays in the folder that it is joined to.

    :param what: what is called so, for the message.
    :param pattern: the whole name has this form as well.
    :returns: the name as it is.
    :raises UnsafeNameError: it is no text, empty, ``.`` or ``..``, hidden, longer than a file's
        name may be, or holds a separator or a control character.
    """
    if (
        not isinstance(name, str)
        or not name
        or name.startswith(".")
        or _UNSAFE.search(name)
        or len(name.encode("utf-8", "surrogatepass")) > _MAX_BYTES
        or (pattern is not None and not pattern.fullmatch(name))
    ):
        raise UnsafeNameError(
            f"{str(name)[:80]!r} cannot be the name of {what}; nothing was touched"
        )
    return name
