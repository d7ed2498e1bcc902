"""A wire between the count and Postgres that can be slow, be cut, or swallow what a COMMIT is answered."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

COMMIT = b"COMMIT"
CHUNK = 65_536


class Proxy:
    """Passes on what comes to `port`; one thread of its own."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
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
            self._loop.call_soon_threadsafe(self._end)
            thread.join(10)

    def cut(self) -> None:
        """Cut every connection, as a cable that is pulled and put back."""
        self._loop.call_soon_threadsafe(self._cut)

    def swallow_next_commit(self) -> None:
        """Let the next COMMIT through and nothing of its answer; its connection is cut."""
        self._swallowing = True

    def _run(self, listening: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._connected, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        listening.set()
        self._loop.run_forever()

    def _end(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.call_soon(self._loop.stop)

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
        swallows = asyncio.Event()
        with suppress(ConnectionError):
            await asyncio.gather(self._ask(reader, forth, swallows), self._answer(back, writer, swallows))
        self._writers -= pair
        for one in pair:
            one.transport.abort()

    async def _ask(self, reader: asyncio.StreamReader, forth: asyncio.StreamWriter, swallows: asyncio.Event) -> None:
        while data := await reader.read(CHUNK):
            await asyncio.sleep(self.delay_seconds)
            if self._swallowing and COMMIT in data:
                self._swallowing = False
                swallows.set()
            forth.write(data)
            await forth.drain()
        forth.write_eof()

    async def _answer(self, back: asyncio.StreamReader, writer: asyncio.StreamWriter, swallows: asyncio.Event) -> None:
        while data := await back.read(CHUNK):
            await asyncio.sleep(self.delay_seconds)
            if swallows.is_set():
                self.swallowed += 1
                raise ConnectionResetError
            writer.write(data)
            await writer.drain()
        writer.write_eof()
