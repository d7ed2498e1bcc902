"""A people service on loopback that answers as randomuser.me 1.4 does, or misbehaves as it is told."""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

User = dict[str, Any]
Answer = Callable[[BaseHTTPRequestHandler], None]

_FIRST = {"male": ("Zacharias", "Quirin", "Ödön"), "female": ("Zenobia", "Quintina", "Ælfrun")}
_LAST = ("Quackenbush", "Zzyzxson", "Xylander", "Øverflåt", "O'Quigley")


def user(seed: str, page: int, at: int) -> User:
    """Make a person, always the same one for a seed, a page and a place in it."""
    drawn = sha256(f"{seed}/{page}/{at}".encode()).digest()
    gender = ("male", "female")[drawn[0] % 2]
    first, last = _FIRST[gender][drawn[1] % 3], f"{_LAST[drawn[2] % 5]}-{drawn[3:6].hex()}"
    return {
        "gender": gender,
        "name": {"title": "Mx", "first": first, "last": last},
        "location": {
            "street": {"number": drawn[7], "name": "Valwood Pkwy"},
            "city": "Billings",
            "state": "Michigan",
            "country": "United States",
            "postcode": 10_000 + drawn[8],
            "coordinates": {"latitude": "-69.8246", "longitude": "134.8719"},
            "timezone": {"offset": "+9:30", "description": "Adelaide, Darwin"},
        },
        "email": f"{last.lower()}@people.example",
        "login": {"uuid": f"7a0eed16-9430-4d68-901f-{drawn[:6].hex()}", "username": "yellowpeacock117"},
        "dob": {
            "date": f"{1935 + drawn[9] % 75}-{1 + drawn[10] % 12:02}-{1 + drawn[11] % 28:02}T15:13:16.688Z",
            "age": 9,
        },
        "registered": {"date": "2007-07-09T05:51:59.390Z", "age": 14},
        "phone": f"(272) 790-{drawn[12]:04}",
        "cell": f"(489) 330-{drawn[13]:04}",
        "id": {"name": "SSN", "value": "405-88-3636"},
        "picture": {
            "large": f"https://people.example/portraits/{drawn[:4].hex()}.jpg",
            "medium": f"https://people.example/portraits/med/{drawn[:4].hex()}.jpg",
        },
        "nat": "US",
    }


class PeopleService(ThreadingHTTPServer):
    """Answers as `faults` say, one request each, then with people; `spoil` changes each of these before it is sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/api/"
        self.asked: list[dict[str, str]] = []
        self.faults: deque[Answer] = deque()
        self.spoil: Callable[[int, int, User], Any] = lambda _page, _at, one: one
        self.closing = threading.Event()

    def handle_error(self, *_: object) -> None:
        """Keep quiet about clients that hang up."""


class _Handler(BaseHTTPRequestHandler):
    server: PeopleService

    def do_GET(self) -> None:
        query = dict(parse_qsl(urlsplit(self.path).query))
        self.server.asked.append(query)
        if self.server.faults:
            self.server.faults.popleft()(self)
            return
        page = int(query["page"])
        users = [self.server.spoil(page, at, user(query["seed"], page, at)) for at in range(int(query["results"]))]
        answer = {"results": users, "info": {"seed": query["seed"], "page": page, "version": "1.4"}}
        answered(200, json.dumps(answer).encode())(self)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def people_service() -> Iterator[PeopleService]:
    """Serve until the end of the block."""
    with PeopleService() as service:
        thread = threading.Thread(target=service.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield service
        finally:
            service.closing.set()
            service.shutdown()
            thread.join()


def answered(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
    """Answer with a status, a body, and headers that win over the usual ones."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def hung_up(_: BaseHTTPRequestHandler) -> None:
    """Close the connection without a word."""


def silent(handler: BaseHTTPRequestHandler) -> None:
    """Say nothing, for as long as the service runs."""
    assert isinstance(handler.server, PeopleService)
    handler.server.closing.wait(30)


def dripping(handler: BaseHTTPRequestHandler) -> None:
    """Begin an answer, and go on with it byte by byte."""
    assert isinstance(handler.server, PeopleService)
    answered(200, b'{"results":[', {"Content-Length": "100000"})(handler)
    while not handler.server.closing.wait(0.02):
        handler.wfile.write(b" ")
