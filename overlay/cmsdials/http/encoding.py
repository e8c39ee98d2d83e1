"""Decompression of bodies. Nothing here does I/O.

The HTTP library stops after the first member of a gzip body, although a body may have several (RFC 1952, section 2.2),
and does not notice where one is cut short.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

__all__ = ["decoded"]

_GZIP = zlib.MAX_WBITS | 16


def decoded(chunks: Iterable[bytes], codings: str) -> Iterator[bytes]:
    """Undo the content codings of a body, piece by piece. A coding other than gzip and deflate is left as it is.

    Args:
        chunks: The body as it came.
        codings: The header Content-Encoding, or nothing.

    Raises:
        zlib.error: If the body is damaged.
        EOFError: If it ends too early.
    """
    body = iter(chunks)
    for coding in reversed(codings.lower().split(",")):
        match coding.strip():
            case "gzip" | "x-gzip":
                body = _gunzipped(body)
            case "deflate":
                body = _inflated(body)
    return body


def _gunzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    member = None
    is_first = True
    for chunk in chunks:
        rest = chunk
        while rest:
            if member is None:
                # Zeros may pad the end.
                rest = rest if is_first else rest.lstrip(b"\0")
                if not rest:
                    break
                member, is_empty = zlib.decompressobj(_GZIP), True
            try:
                data = member.decompress(rest)
            except zlib.error:
                if is_first or not is_empty:
                    raise
                for _ in chunks:  # what follows the last member is ignored, as gunzip does
                    pass
                return
            yield data
            is_empty = is_empty and not data
            if not member.eof:
                break
            rest, member, is_first = member.unused_data, None, False
    if member is not None:
        raise EOFError


def _inflated(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Undo `deflate`, with the header of zlib (RFC 9110, section 8.4.1.2) or, as some servers send it, without."""
    begun, stream = b"", None
    for chunk in chunks:
        if stream is not None:
            yield stream.decompress(chunk)
            continue
        begun += chunk
        if len(begun) >= 2:
            has_header = (
                begun[0] & 15 == 8 and int.from_bytes(begun[:2], "big") % 31 == 0
            )  # RFC 1950, section 2.2
            stream = zlib.decompressobj(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)
            yield stream.decompress(begun)
    if begun and (stream is None or not stream.eof):
        raise EOFError
