import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import SEND_EOF, Protocol, Side

from execution_monitor.asgi.websocket_frames import SharedTexts


def read_as_a_client(data: bytes) -> list[bytes]:
    """The texts that a client of the library `websockets` finds in `data`."""
    client = Protocol(Side.CLIENT, max_size=None)
    client.receive_data(data)
    frames = [each for each in client.events_received() if isinstance(each, Frame)]
    assert SEND_EOF not in client.data_to_send()
    assert all(frame.opcode is Opcode.TEXT and frame.fin for frame in frames)
    return [bytes(frame.data) for frame in frames]


@pytest.mark.parametrize("beginning", [b"", b"{", b"x" * 60, b"y" * 200])
@pytest.mark.parametrize("sizes", [[0], [3], [0, 1, 64, 65, 125, 126, 65_535, 65_536], [70_000] * 3])
def test_every_text_arrives_whole_with_the_beginning_of_its_socket(beginning: bytes, sizes: list[int]):
    endings = [bytes([65 + number]) * size for number, size in enumerate(sizes)]

    assert read_as_a_client(SharedTexts(endings).frames(beginning)) == [beginning + ending for ending in endings]


def test_sockets_with_different_beginnings_share_only_the_endings():
    texts = SharedTexts([b"1", b"22"])

    assert read_as_a_client(texts.frames(b"a")) == [b"a1", b"a22"]
    assert read_as_a_client(texts.frames(b"b")) == [b"b1", b"b22"]
    assert read_as_a_client(texts.frames(b"long" * 40)) == [b"long" * 40 + b"1", b"long" * 40 + b"22"]
