"""A wire between clients and a server that can be slow, be cut, or swallow what one kind of request is answered."""

import asyncio
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

COMMIT = b"COMMIT"
PRODUCE = 0
CHUNK = 65_536


class Ear(Protocol):
    """Listens to one connection, from its first byte on."""

    def is_asked(self, data: bytes) -> bool:
        """Tell whether the client's words are, or end, a request of the kind that can go unanswered."""

    def is_answer(self, data: bytes) -> bool:
        """Tell whether the server's words are the answer to the last such request."""


class Commits:
    """A COMMIT to Postgres and its answer, which is whatever comes next."""

    def is_asked(self, data: bytes) -> bool:
        """Tell whether the client commits."""
        return COMMIT in data

    def is_answer(self, data: bytes) -> bool:
        """Tell that it is."""
        return True


class Acknowledgements:
    """A Produce request to Kafka, and the response that has its correlation id."""

    def __init__(self) -> None:
        self._requests, self._responses = Frames(), Frames()
        self._correlation_id: int | None = None

    def is_asked(self, data: bytes) -> bool:
        """Tell whether messages are sent."""
        heads = [struct.unpack_from(">hhi", frame) for frame in self._requests.ended_by(data)]
        produced = [correlation_id for key, _, correlation_id in heads if key == PRODUCE]
        self._correlation_id = produced[-1] if produced else self._correlation_id
        return bool(produced)

    def is_answer(self, data: bytes) -> bool:
        """Tell whether the last of them are acknowledged."""
        return self._correlation_id in [struct.unpack_from(">i", frame)[0] for frame in self._responses.ended_by(data)]


class Frames:
    """What a stream of bytes is made of: frames, each after its length in four bytes."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def ended_by(self, data: bytes) -> Iterator[bytes]:
        """Yield the frames of which these bytes are the last."""
        self._bytes += data
        while len(self._bytes) >= 4 and len(self._bytes) >= (end := 4 + struct.unpack_from(">i", self._bytes)[0]):
            yield bytes(self._bytes[4:end])
            del self._bytes[:end]


class Proxy:
    """Passes on what comes to `port`; one thread of its own. An `ear` knows the requests that can go unanswered."""

    def __init__(self, target: tuple[str, int], ear: Callable[[], Ear]) -> None:
        self._target = target
        self._ear = ear
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self.delay_seconds = 0.0
        self.swallowed = 0
        self._swallowing = False
        self.port = 0

    @contextmanager
    def open(self) -> Iterator["Proxy"]:
        """Listen while the body runs."""
        listening = threading.Event()
        thread = threading.Thread(target=self._run, args=(listening,), daemon=True)
        thread.start()
        listening.wait(10)
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(10)

    def cut(self) -> None:
        """Cut every connection, as a cable that is pulled and put back."""
        self._loop.call_soon_threadsafe(self._cut)

    def swallow_next_answer(self) -> None:
        """Let the next request of the kind through and nothing of its answer; its connection is cut."""
        self._swallowing = True

    def _run(self, listening: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._connected, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        listening.set()
        self._loop.run_forever()
        server.close()
        self._cut()
        # What a connection was doing ends with it.
        self._loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(self._loop), return_exceptions=True))

    def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            back, forth = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, forth}
        self._writers |= pair
        ear, swallows = self._ear(), asyncio.Event()
        # Also where one side is gone before it is told the end.
        with suppress(OSError):
            await asyncio.gather(self._ask(reader, forth, ear, swallows), self._answer(back, writer, ear, swallows))
        self._writers -= pair
        for one in pair:
            one.transport.abort()

    async def _ask(
        self, reader: asyncio.StreamReader, forth: asyncio.StreamWriter, ear: Ear, swallows: asyncio.Event
    ) -> None:
        while data := await reader.read(CHUNK):
            await asyncio.sleep(self.delay_seconds)
            if ear.is_asked(data) and self._swallowing:
                self._swallowing = False
                swallows.set()
            forth.write(data)
            await forth.drain()
        forth.write_eof()

    async def _answer(
        self, back: asyncio.StreamReader, writer: asyncio.StreamWriter, ear: Ear, swallows: asyncio.Event
    ) -> None:
        while data := await back.read(CHUNK):
            await asyncio.sleep(self.delay_seconds)
            if ear.is_answer(data) and swallows.is_set():
                self.swallowed += 1
                raise ConnectionResetError
            writer.write(data)
            await writer.drain()
        writer.write_eof()
