"""The claim about Kafka's wire: of all that goes over it, the acknowledgement of messages alone is swallowed."""

import socket
import struct
import threading

import pytest

from tests.faults.proxy import PRODUCE, Acknowledgements, Frames, Proxy

METADATA = 3


def request(key: int, correlation_id: int) -> bytes:
    return struct.pack(">ihhi", 12, key, 9, correlation_id) + b"body"


def response(correlation_id: int) -> bytes:
    return struct.pack(">ii", 8, correlation_id) + b"done"


def ended(connection: socket.socket) -> bool:
    """Wait for the end of a connection, or for an answer."""
    try:
        return connection.recv(100) == b""
    except ConnectionResetError:
        return True


@pytest.fixture
def server() -> tuple[str, int]:
    """A server that answers one request after the other."""

    def serve(connection: socket.socket) -> None:
        frames = Frames()
        while data := connection.recv(100):
            for frame in frames.ended_by(data):
                connection.sendall(response(struct.unpack_from(">hhi", frame)[2]))

    def accept(listener: socket.socket) -> None:
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
    address: tuple[str, int] = listener.getsockname()
    return address


def test_the_acknowledgement_of_messages_is_swallowed_and_no_other_answer(server: tuple[str, int]) -> None:
    with Proxy(server, Acknowledgements).open() as proxy:
        first, second = (socket.create_connection(("127.0.0.1", proxy.port), timeout=10) for _ in range(2))
        proxy.swallow_next_answer()
        for byte in request(METADATA, 1):
            first.sendall(bytes([byte]))
        assert first.recv(100) == response(1)
        first.sendall(request(PRODUCE, 2))
        assert ended(first)
        assert proxy.swallowed == 1
        second.sendall(request(PRODUCE, 3))
        assert second.recv(100) == response(3)
