"""docs/settings.md, made from the settings classes: ``python -m harness.cli.settings_page``."""

from __future__ import annotations

import inspect

from harness import settings

_HEADER = """# Settings

All settings are environment variables; unset or empty means the default. This page is made from
the code by `make reference`.
"""


def page() -> str:
    """The whole page."""
    parts = [_HEADER]
    for settings_class in settings.classes():
        title = settings_class.__name__.removesuffix("Settings")
        lines = ["| variable | default | meaning |", "|---|---|---|"]
        for field in settings_class.model_fields.values():
            default = "" if field.default_factory or field.default is None else field.default
            shown = f"`{default}`" if str(default) else ""
            lines.append(f"| `{field.validation_alias}` | {shown} | {field.description} |")
        about = inspect.getdoc(settings_class) or ""
        about = " ".join(about.replace("``", "`").split())
        parts.append(f"## {title}\n\n{about}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    print(page(), end="")
