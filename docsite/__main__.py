"""``python -m docsite``: remake the pages that come from the code; ``… site FOLDER``: lay out what
the site is built from."""

from __future__ import annotations

import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Do one of the two.

    :returns: the exit code.
    """
    match arguments:
        case []:
            from docsite.pages import remake

            remake()
        case ["site", folder]:
            from docsite.staging import stage

            stage(Path(folder))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
