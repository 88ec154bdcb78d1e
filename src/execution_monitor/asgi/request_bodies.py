"""Request bodies: read in chunks up to a limit, of the media types and content codings that an endpoint takes."""

import asyncio
import zlib
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Collection, Mapping
from http import HTTPStatus

from starlette.requests import Request

from execution_monitor.errors import BadUserInput

# What is unpacked between two turns of the event loop: some milliseconds.
_UNPACKED_BYTES_A_TURN = 512 * 1024
# zlib's largest window, with the header and the checksum of gzip (RFC 1952).
_GZIP_WINDOW_BITS = 16 + zlib.MAX_WBITS
_GZIP = frozenset({"gzip", "x-gzip"})
_CODINGS = _GZIP | {"", "identity"}


class UnsupportedMediaType(BadUserInput):
    """A body whose media type the endpoint does not take; browsers send some across origins without a preflight."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class UnsupportedContentCoding(UnsupportedMediaType):
    """A body that is packed in another way than gzip."""

    @property
    def headers(self) -> Mapping[str, str]:
        """`Accept-Encoding`: the codings that are taken (RFC 9110, section 12.5.3)."""
        return {"Accept-Encoding": "gzip"}


class BodyTooLarge(BadUserInput):
    """A request body beyond the limit."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def media_type_of(request: Request, accepted: Collection[str]) -> str:
    """The media type of the body of `request`, which is one of `accepted`; raises `UnsupportedMediaType`."""
    media_type, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    media_type = media_type.strip()
    if media_type not in accepted or ("charset" in parameters and "utf-8" not in parameters):
        raise UnsupportedMediaType(f"Send a body with the header Content-Type: {' or '.join(accepted)}.")
    return media_type


async def read_body(request: Request, limit: int) -> bytes:
    """The body of `request` as it was sent, refused as soon as more than `limit` bytes have arrived, chunked or not.

    Raises:
        BodyTooLarge: it is longer.
        ClientDisconnect: the client went before it had sent all.
    """
    return await _join(request.stream(), limit)


async def read_unpacked_body(request: Request, limit: int, reserve: Callable[[int], object]) -> bytes:
    """The body of `request`, unpacked if it is packed with gzip; neither form may have more than `limit` bytes.

    It is unpacked as it arrives, in slices between which others have their turn. No more than a slice beyond the limit
    is ever unpacked, however much is packed into how few bytes. `reserve` is called with the size of each slice before
    it is kept, and may raise.

    Raises:
        UnsupportedContentCoding: it is packed in another way.
        BodyTooLarge: it is longer than the limit.
        BadUserInput: it is not valid gzip.
        ClientDisconnect: the client went before it had sent all.
    """
    coding = request.headers.get("content-encoding", "").strip().lower()
    if coding not in _CODINGS:
        raise UnsupportedContentCoding("Send the body packed with gzip (Content-Encoding: gzip), or not packed.")
    length = request.headers.get("content-length", "")
    # What is declared to be too long need not arrive first.
    if length.isdecimal() and int(length[:20]) > limit:
        raise _too_large(limit)
    chunks = _unpack(request.stream(), limit) if coding in _GZIP else request.stream()
    return await _join(chunks, limit, reserve)


async def _join(chunks: AsyncIterable[bytes], limit: int, reserve: Callable[[int], object] | None = None) -> bytes:
    received: list[bytes] = []
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        if reserve is not None:
            reserve(len(chunk))
        received.append(chunk)
    return b"".join(received)


async def _unpack(chunks: AsyncIterable[bytes], limit: int) -> AsyncGenerator[bytes]:
    unpacking = zlib.decompressobj(_GZIP_WINDOW_BITS)
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        packed = chunk
        while packed:
            try:
                yield unpacking.decompress(packed, _UNPACKED_BYTES_A_TURN)
            except zlib.error as error:
                raise BadUserInput("The body is not valid gzip, as Content-Encoding says.") from error
            packed = unpacking.unconsumed_tail
            if packed:
                await asyncio.sleep(0)
        if unpacking.unused_data:
            raise BadUserInput("The body goes on behind its gzip; send one member of gzip and nothing else.")
    if size and not unpacking.eof:
        raise BadUserInput("The body ends before its gzip does; send all of it.")


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The request body is larger than {limit:,} bytes; send a smaller one.")
