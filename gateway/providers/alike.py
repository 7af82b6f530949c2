"""Frames of a stream that differ from one another in a text alone: known by their bytes, so that few are decoded.

The rule that matters: a frame is alike only if every byte outside of the text is that of a frame which was decoded, and
no byte of the text can end its string or begin an escape. So it says what decoding it would say, and nothing else.
"""

_NOISE = b'"obfuscation":"'
"""A field that OpenAI fills with noise of any length, so that nobody can tell a text by the size of its packet."""

_BLANK_LINE = b"\n\n"
_QUOTE, _ESCAPE = b'"', b"\\"


class Alike:
    """What the frames of one run share: the bytes before the text, those after it, and after a field of noise."""

    __slots__ = ("_after", "_before", "_most_bytes", "_start", "_tail")

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
