"""HTTP as uvicorn speaks it, with a bound on what stands before a body: llhttp reads headers without end."""

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Tokens of identity providers that list groups have some kilobytes; an address with an operation in it up to 16 kB.
MAX_HEAD_BYTES = 64 * 1024
_REFUSAL = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class BoundedHeads(HttpToolsProtocol):
    """A connection that is closed with 431 (RFC 6585, section 5) when a request's head is larger than the bound."""

    _head_bytes = 0
    _is_in_head = True

    @override
    def data_received(self, data: bytes) -> None:
        if self._is_in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        # What came together with the end of a head is of a body, which is another's to bound.
        if self._is_in_head and self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_REFUSAL)
            self.transport.close()

    @override
    def on_headers_complete(self) -> None:
        self._is_in_head = False
        super().on_headers_complete()

    @override
    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._head_bytes, self._is_in_head = 0, True
