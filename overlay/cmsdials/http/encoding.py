"""Decompression of bodies. Nothing here does I/O.

The HTTP library stops after the first member of a gzip body, although a body may have several (RFC 1952, section 2.2),
does not notice where one is cut short, and makes gigabytes of a few kilobytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

__all__ = ["TooLargeError", "decoded"]

_GZIP = zlib.MAX_WBITS | 16
_PIECE = 2**16
_MOST_MEMBERS = 2**16
_MOST_CODINGS = 4


class TooLargeError(Exception):
    """A body is larger than is wanted.

    Attributes:
        most: The number of bytes that is.
    """

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most


def decoded(chunks: Iterable[bytes], codings: str, most: int) -> Iterator[bytes]:
    """Undo the content codings of a body, piece by piece. A coding other than gzip and deflate is left as it is.

    Args:
        chunks: The body as it came.
        codings: The header Content-Encoding, or nothing.
        most: Bytes that the body may have, before, between and after its codings.

    Raises:
        zlib.error: If the body is damaged, or has more codings or members than any server makes.
        EOFError: If it ends too early.
        TooLargeError: If there is more of it; `most` bytes have been yielded.
    """
    names = [name for coding in codings.lower().split(",") if (name := coding.strip())]
    if len(names) > _MOST_CODINGS:
        raise zlib.error
    body = _limited(chunks, most)
    for name in reversed(names):
        match name:
            case "gzip" | "x-gzip":
                body = _limited(_gunzipped(body), most)
            case "deflate":
                body = _limited(_inflated(body), most)
    return body


def _limited(pieces: Iterable[bytes], most: int) -> Iterator[bytes]:
    left = most
    for piece in pieces:
        if len(piece) > left:
            yield piece[:left]
            raise TooLargeError(most)
        left -= len(piece)
        yield piece


def _pieces(stream: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    """Decompress some data, in pieces that are not large, whatever it is."""
    while len(piece := stream.decompress(data, _PIECE)) == _PIECE and not stream.eof:
        yield piece
        data = stream.unconsumed_tail  # which may be empty although there is more
    yield piece


def _gunzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    member = None
    members = 0
    for chunk in chunks:
        rest = chunk
        while rest:
            if member is None:
                # Zeros may pad the end.
                rest = rest.lstrip(b"\0") if members else rest
                if not rest:
                    break
                member, is_empty = zlib.decompressobj(_GZIP), True
                members += 1
                if members > _MOST_MEMBERS:
                    raise zlib.error
            try:
                for data in _pieces(member, rest):
                    is_empty = is_empty and not data
                    yield data
            except zlib.error:
                if members == 1 or not is_empty:
                    raise
                for _ in chunks:  # what follows the last member is ignored, as gunzip does
                    pass
                return
            if not member.eof:
                break
            rest, member = member.unused_data, None
    if member is not None:
        raise EOFError


def _inflated(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Undo `deflate`, with the header of zlib (RFC 9110, section 8.4.1.2) or, as some servers send it, without."""
    begun, stream = b"", None
    for chunk in chunks:
        if stream is not None:
            yield from _pieces(stream, chunk)
            continue
        begun += chunk
        if len(begun) >= 2:
            has_header = (
                begun[0] & 15 == 8 and int.from_bytes(begun[:2], "big") % 31 == 0
            )  # RFC 1950, section 2.2
            stream = zlib.decompressobj(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)
            yield from _pieces(stream, begun)
    if begun and (stream is None or not stream.eof):
        raise EOFError
