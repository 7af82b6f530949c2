"""Owns `${NAME}`, `${NAME:-default}` and `$$` inside a value.

The rule that matters: this happens after the file was parsed, so what a variable holds is text and never YAML.
"""

import re
from collections.abc import Mapping

_PARTS = re.compile(r"\$\$|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}|(?P<wrong>\$\{)")


class ExpansionError(Exception):
    """A reference to the environment that cannot be followed; the message says why in plain words."""


def expand(text: str, env: Mapping[str, str]) -> str:
    """Replace `${NAME}` by the variable and `${NAME:-default}` by the default where it is unset or empty; `$$` is `$`.

    The syntax is the shell's (POSIX.1-2024, 2.6.2). Any other `$` stays. Raises `ExpansionError`.
    """

    def replaced(part: re.Match[str]) -> str:
        if part["wrong"]:
            raise ExpansionError("`${` must be followed by NAME} or NAME:-default}; write `$$` for a plain `$`")
        name, default = part["name"], part["default"]
        if name is None:
            return "$"
        if default is not None:
            return env.get(name) or default
        if name not in env:
            raise ExpansionError(f"the environment variable {name} is not set; ${{{name}:-}} would allow that")
        return env[name]

    return _PARTS.sub(replaced, text)
