"""Cells of a table that may be opened in a spreadsheet. Pure."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def neutral(value: object) -> object:
    """Give a text that begins like a formula with a quote before it (OWASP, CSV injection); numbers stay numbers."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
