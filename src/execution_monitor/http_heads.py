"""HTTP as uvicorn speaks it, with a bound on what is no body: llhttp reads headers and trailers without end."""

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Tokens of identity providers that list groups have some kilobytes; an address with an operation in it up to 16 kB.
MAX_HEAD_BYTES = 64 * 1024
_REFUSAL = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class HeadTooLarge(Exception):
    """A head that is complete and larger than the bound: llhttp stops at it."""


class BoundedHeads(HttpToolsProtocol):
    """A connection that is closed with 431 (RFC 6585, section 5) when a head or trailers are larger than the bound."""

    _bytes_beside_bodies = 0

    @override
    def data_received(self, data: bytes) -> None:
        self._bytes_beside_bodies += len(data)
        super().data_received(data)
        if self._bytes_beside_bodies > MAX_HEAD_BYTES:
            self._refuse()

    @override
    def on_headers_complete(self) -> None:
        # What came with one read has not been counted yet, or together with a body.
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD_BYTES:
            raise HeadTooLarge
        super().on_headers_complete()

    @override
    def on_body(self, body: bytes) -> None:
        self._bytes_beside_bodies = 0
        super().on_body(body)

    @override
    def on_message_complete(self) -> None:
        self._bytes_beside_bodies = 0
        super().on_message_complete()

    @override
    def send_400_response(self, msg: str) -> None:
        if self._bytes_beside_bodies > MAX_HEAD_BYTES:
            self._refuse()
        else:
            super().send_400_response(msg)

    def _refuse(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(_REFUSAL)
            self.transport.close()
