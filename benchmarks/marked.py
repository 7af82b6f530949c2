"""The parts of documents that a benchmark writes: between a mark that names its command and the end."""

from pathlib import Path

END = "<!-- end of measured -->"


def begin(command: str) -> str:
    """Give the mark of a command."""
    return f"<!-- measured: {command} --write -->"


def read(document: Path, command: str) -> str:
    """Give what stands between the marks of a command. SystemExit: the document has none."""
    return _parts(document, command)[1]


def write(document: Path, command: str, text: str) -> None:
    """Replace what stands between the marks of a command. SystemExit: the document has none."""
    before, _, after = _parts(document, command)
    document.write_text(f"{before}{begin(command)}\n{text.rstrip()}\n{END}{after}", "utf-8")


def _parts(document: Path, command: str) -> tuple[str, str, str]:
    before, mark, rest = document.read_text("utf-8").partition(begin(command))
    measured, end, after = rest.partition(END)
    if not mark or not end:
        raise SystemExit(f"{document} has no marks for {command}")
    return before, measured, after
