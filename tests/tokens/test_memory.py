"""Long texts are counted once; what is kept of them is a digest and a number."""

import threading
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from gateway.tokens import Counter
from gateway.tokens.constants import REMEMBERED_CHARACTERS
from gateway.tokens.memory import Memory
from gateway.tokens.text import Encoding, count
from gateway.tokens.vocabulary import Vocabularies

LONG = "An instruction that comes with every call. " * 100
NAMES = ("o200k_base", "cl100k_base")


@given(texts=st.lists(st.text(min_size=1), unique=True, max_size=20))
def test_a_count_is_found_again(texts: list[str]) -> None:
    """Any text, surrogates and all, is recalled with its own number; each vocabulary has its own."""
    memory = Memory()
    for tokens, text in enumerate(texts):
        memory.remember(memory.key("a", text), tokens)
    assert [memory.recall(memory.key("a", text)) for text in texts] == list(range(len(texts)))
    assert not any(memory.recall(memory.key("b", text)) for text in texts)


def test_no_more_is_kept_than_there_are_places() -> None:
    """The count that was longest not asked for gives its place to a new one."""
    memory = Memory(at_most=3)
    keys = [memory.key("a", str(number)) for number in range(4)]
    for tokens, key in enumerate(keys[:3]):
        memory.remember(key, tokens)
    assert memory.recall(keys[0]) == 0
    memory.remember(keys[3], 3)
    assert [memory.recall(key) for key in keys] == [0, None, 2, 3]
    assert len(memory) == 3


def test_the_text_is_not_kept() -> None:
    """A key is short, and another process makes another one of the same text."""
    key = Memory().key("a", LONG)
    assert len(key) == 20
    assert key != Memory().key("a", LONG)


def test_threads_share_it() -> None:
    """Eight threads that remember and recall at once neither lose the bound nor a number."""
    memory = Memory(at_most=50)
    start = threading.Barrier(8)

    def work(seed: int) -> bool:
        start.wait()
        for number in range(2000):
            key = memory.key("a", str((seed + number) % 100))
            memory.remember(key, (seed + number) % 100)
            if memory.recall(key) not in (None, (seed + number) % 100):
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))
    assert len(memory) <= 50


class Watched:
    """An encoding that knows how much it was asked."""

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding
        self.characters = 0

    def encode_ordinary(self, text: str) -> list[int]:
        """Give the token ids."""
        self.characters += len(text)
        return self._encoding.encode_ordinary(text)


class WatchedVocabularies(Vocabularies):
    """Vocabularies of one watched encoding."""

    def __init__(self, watched: Watched) -> None:
        super().__init__()
        self._watched = watched

    def get(self, name: str) -> Watched:  # type: ignore[override]
        """Give the watched encoding, whatever the name."""
        return self._watched


async def test_a_counter_counts_a_long_text_once(o200k: Encoding) -> None:
    """The second time, in the loop or in the pool, the encoding is not asked; short texts are always counted."""
    watched = Watched(o200k)
    counter = Counter(WatchedVocabularies(watched))
    short = "word " * (REMEMBERED_CHARACTERS // 5)
    first = await counter.count([LONG, short], "gpt-4o")
    assert (first.tokens, first.exact) == (count(o200k, LONG) + count(o200k, short), True)
    assert watched.characters == len(LONG) + len(short)
    assert await counter.count([LONG, short], "gpt-4o") == first
    assert await counter.run(lambda tally: tally([LONG]), "gpt-4o", 10**6) == count(o200k, LONG)
    assert watched.characters == len(LONG) + 2 * len(short)
    counter.close()
