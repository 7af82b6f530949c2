"""Frames of a stream that differ from one another in a text alone: known by their bytes, so that few are decoded.

The rule that matters: a frame is alike only if every byte outside of the text is that of a frame which was decoded, and
no byte of the text can end its string or begin an escape. So it says what decoding it would say, and nothing else.
Where each frame tells the usage so far, the counts inside it may differ too: the last frame's are the usage.
"""

import json
import re

_NOISE = b'"obfuscation":"'
"""A field that OpenAI fills with noise of any length, so that nobody can tell a text by the size of its packet."""

_PADDING = b'"p":"'
"""The like of it in the payloads of Amazon Bedrock."""

_LENGTHS, _PRELUDE_BYTES, _CRC_BYTES = slice(4, 8), 12, 4
"""Of a message of an event stream: its headers' length, what stands before them, and after its payload."""

_BLANK_LINE = b"\n\n"
_BLANKS = (_BLANK_LINE, b"\r\n\r\n")
_QUOTE, _ESCAPE = b'"', b"\\"
_CONTROL = re.compile(rb"[\x00-\x1f]")

# A number that a key names; only a key's closing quote stands between a letter and a colon.
_COUNT = re.compile(rb'(?<=[A-Za-z])"[ ]?:[ ]?(0|[1-9][0-9]{0,8})(?=[,}\s])')
_ZERO = 0x30
_MOST_DIGITS = 9
"""Any count as long is credible: no meter takes a usage for none because of what it counts."""

_OBJECT = json.JSONDecoder()


class Alike:
    """What the frames of one run share: the bytes before the text, those after it, and after a field of noise."""

    __slots__ = ("_after", "_before", "_most_bytes", "_start", "_tail")

    tells_usage = False
    """Whether each of the frames tells the usage so far."""

    def __init__(self, before: bytes, after: bytes, tail: bytes, most_bytes: int) -> None:
        self._before = before
        self._start = len(before)
        self._after = after
        self._tail = tail
        self._most_bytes = most_bytes

    def texts_in(self, frames: bytes) -> list[bytes]:
        """Give the text of each of these frames, in UTF-8; nothing where one of them is not alike, or has no text."""
        texts: list[bytes] = []
        size = len(frames)
        if size > self._most_bytes or _ESCAPE in frames or b"\r" in frames:
            return texts
        at = 0
        while at < size:
            start = at + self._start
            end = frames.find(_QUOTE, start)
            if end <= start or not (frames.startswith(self._before, at) and frames.startswith(self._after, end)):
                return []
            at = end + len(self._after)
            if self._tail:
                at = frames.find(_QUOTE, at)
                if at < 0 or not frames.startswith(self._tail, at):
                    return []
                at += len(self._tail)
            # One line of data, as in the frame that was decoded: a line end in a text would end the line.
            if frames.find(b"\n", start, at - len(_BLANK_LINE)) >= 0:
                return []
            texts.append(frames[start:end])
        return texts

    def last_in(self, frames: bytes) -> bytes:
        """Give the last of frames that are alike."""
        return frames[frames.rfind(self._before) :]


class AlikeCounted(Alike):
    """What the frames of one run share that tell the usage so far: the bytes between its counts as well."""

    __slots__ = ("_pieces",)

    tells_usage = True

    def __init__(self, before: bytes, pieces: list[bytes], most_bytes: int) -> None:
        super().__init__(before, pieces[0], b"", most_bytes)
        self._pieces = pieces[1:]

    def texts_in(self, frames: bytes) -> list[bytes]:
        """Give the text of each of these frames, in UTF-8; nothing where one of them is not alike, or has no text."""
        texts: list[bytes] = []
        size = len(frames)
        if size > self._most_bytes or _ESCAPE in frames:
            return texts
        at = 0
        while at < size:
            start = at + self._start
            end = frames.find(_QUOTE, start)
            if end <= start or not (frames.startswith(self._before, at) and frames.startswith(self._after, end)):
                return []
            at = self._end(frames, end + len(self._after))
            text = frames[start:end]
            if at < 0 or _CONTROL.search(text):
                return []
            texts.append(text)
        return texts

    def _end(self, frames: bytes, at: int) -> int:
        """Give where the frame ends whose first count begins here; -1 where it is not alike."""
        for piece in self._pieces:
            end = frames.find(piece, at, at + _MOST_DIGITS + len(piece))
            digits = frames[at:end]
            if end < 0 or not digits.isdigit() or (digits[0] == _ZERO and end - at > 1):
                return -1
            at = end + len(piece)
        return at


def learn(frame: bytes, text: str, most_bytes: int) -> Alike | None:
    """Give what is alike to a frame whose one text is this; None where its place in the frame is not certain."""
    token = b'"%b"' % text.encode("utf-8", "replace")
    place = frame.find(token)
    if place < 0 or frame.find(token, place + 1) >= 0 or _ESCAPE in frame or b"\r" in frame:
        return None
    start, end = place + 1, place + len(token) - 1
    if frame.find(b"\n", start) != len(frame) - len(_BLANK_LINE) or not frame.endswith(_BLANK_LINE):
        return None
    noise = frame.find(_NOISE, end)
    if noise < 0:
        return Alike(frame[:start], frame[end:], b"", most_bytes)
    noise += len(_NOISE)
    quote = frame.find(_QUOTE, noise)
    return Alike(frame[:start], frame[end:noise], frame[quote:], most_bytes)


def learn_counted(frame: bytes, text: str, usage: bytes, most_bytes: int) -> Alike | None:
    """Give what is alike to a frame whose one text is this, and which tells a usage after it.

    `usage` is the usage's key in its quotes. The frame is a whole one: of events, or the element of an array that
    stands behind a comma. None where the place of one of them is not certain.
    """
    token = b'"%b"' % text.encode("utf-8", "replace")
    place, named = frame.find(token), frame.find(usage)
    end = place + len(token) - 1
    if place < 0 or named < end or frame.find(token, place + 1) >= 0 or frame.find(usage, named + 1) >= 0:
        return None
    if _ESCAPE in frame or not _is_certain_to_end(frame, end):
        return None
    opened = frame.find(b"{", named)
    try:
        _, closed = _OBJECT.raw_decode(frame.decode("latin-1"), opened)
    except ValueError:
        return None
    pieces, at = [], end
    for found in _COUNT.finditer(frame, opened, closed):
        pieces.append(frame[at : found.start(1)])
        at = found.end(1)
    pieces.append(frame[at:])
    return AlikeCounted(frame[: place + 1], pieces, most_bytes)


def _is_certain_to_end(frame: bytes, text_end: int) -> bool:
    """Say whether a frame ends where it does for any text: with its one blank line, or as the element of an array."""
    if frame.startswith(b"data:"):
        line = frame[text_end:]
        ending = _CONTROL.search(line)
        return ending is not None and line[ending.start() :] in _BLANKS
    return frame.endswith(b"}") and frame.lstrip().startswith(b",")


class AlikeMessage:
    """What the messages of one run share: their headers, and their payloads but for a text and a field of padding."""

    __slots__ = ("_after", "_before", "_lengths", "_start", "_tail")

    def __init__(self, lengths: bytes, before: bytes, after: bytes, tail: bytes) -> None:
        self._lengths = lengths
        self._before = before
        self._start = _PRELUDE_BYTES + len(before)
        self._after = after
        self._tail = tail

    def text_in(self, message: bytes) -> bytes:
        """Give the text of a message with right checksums, in UTF-8; nothing where it is not alike, or has none."""
        start = self._start
        end = message.find(_QUOTE, start)
        if end <= start or not (
            message.startswith(self._before, _PRELUDE_BYTES) and message.startswith(self._after, end)
        ):
            return b""
        at = end + len(self._after)
        if self._tail:
            at = message.find(_QUOTE, at)
            if at < 0 or not message.startswith(self._tail, at):
                return b""
            at += len(self._tail)
        said = message[start:at]
        if at != len(message) - _CRC_BYTES or message[_LENGTHS] != self._lengths or _ESCAPE in said:
            return b""
        return b"" if _CONTROL.search(said) else message[start:end]


def learn_message(message: bytes, text: str) -> AlikeMessage | None:
    """Give what is alike to a message whose one text is this; None where its place in the message is not certain."""
    inside = message[_PRELUDE_BYTES:-_CRC_BYTES]
    token = b'"%b"' % text.encode("utf-8", "replace")
    place = inside.find(token)
    if place < 0 or inside.find(token, place + 1) >= 0 or _ESCAPE in inside:
        return None
    before, after, tail = inside[: place + 1], inside[place + len(token) - 1 :], b""
    if _CONTROL.search(after):
        return None
    noise = after.find(_PADDING)
    if noise >= 0:
        noise += len(_PADDING)
        after, tail = after[:noise], after[after.find(_QUOTE, noise) :]
    return AlikeMessage(message[_LENGTHS], before, after, tail)
