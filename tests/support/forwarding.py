"""Publishing a port as Docker does: `forwarding.py ADDRESS:PORT TARGET:PORT …` passes on what comes to the first."""

import asyncio
import sys
from contextlib import suppress


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _publish(place: str, target: str) -> None:
    host, _, port = target.rpartition(":")

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            back, forth = await asyncio.open_connection(host, int(port))
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pass_on(reader, forth), _pass_on(back, writer))

    address, _, own = place.rpartition(":")
    server = await asyncio.start_server(connected, address, int(own))
    await server.serve_forever()


async def _main(places: list[str]) -> None:
    await asyncio.gather(*(_publish(*pair) for pair in zip(places[::2], places[1::2], strict=True)))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1:]))
