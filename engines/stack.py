"""The engines together: up, down and status of everything in a home."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed

from engines.doctor import preflight
from engines.endpoints import Endpoints, known_endpoints, settled_endpoints
from engines.engine import Engine
from engines.errors import EnginesError
from engines.home import Home, locked
from engines.size import Size, settled_size
from engines.status import EngineStatus, engines_of, health, status

__all__ = ["EngineStatus", "Size", "down", "health", "status", "up"]


def _silent(_: str) -> None:
    """Report to nobody."""


def up(
    home: Home,
    report: Callable[[str], None] = _silent,
    size: Size | None = None,
    spark_workers: int | None = None,
) -> Endpoints:
    """Start the engines of the home that are not running, all at once, and return where they listen.

    A home keeps the size of its first start, a laptop's by default; a cluster gets `spark_workers` at
    least. `report` gets a sentence at each step, never two at a time. Raises EnginesError with one clear
    sentence where it cannot be done; then whatever this call started is stopped again.
    """
    with locked(home, report):
        size = settled_size(home, size)
        _refuse_moved(home)
        preflight(home)
        try:
            endpoints = settled_endpoints(home, size, spark_workers)
            _start_all(engines_of(home, endpoints), report)
        except OSError as error:
            raise EnginesError(
                f"The engines of {home.path} could not be started ({error}); mend that, then run `election up` again."
            ) from error
        return endpoints


def down(home: Home, report: Callable[[str], None] = _silent) -> list[str]:
    """Stop the engines of the home and return the names of those that were running."""
    if not home.path.is_dir():
        return []
    with locked(home, report):
        engines = engines_of(home, known_endpoints(home) or Endpoints({}))
        return _stop_all(engines)


def _refuse_moved(home: Home) -> None:
    """Refuse a fixed address or port other than the one on which an engine is running."""
    endpoints = known_endpoints(home)
    if endpoints is None:
        return
    for engine in engines_of(home, endpoints):
        if home.host not in (None, endpoints.host) and engine.process() is not None:
            raise EnginesError(
                f"{engine.title} of {home.path} runs on {engine.address}, and ELECTION_HOST says {home.host}; "
                "run `election down` first, or unset it."
            )
        if engine.fixed_port not in (None, engine.port) and engine.process() is not None:
            raise EnginesError(
                f"{engine.title} of {home.path} runs on port {engine.port}, and "
                f"{engine.port_setting} says {engine.fixed_port}; run `election down` first, or unset it."
            )


def _start_all(engines: list[Engine], report: Callable[[str], None]) -> None:
    started = [engine for engine in engines if engine.process() is None]
    cancelled, speaking = threading.Event(), threading.Lock()

    def report_one(sentence: str) -> None:
        with speaking:
            report(sentence)

    try:
        with ThreadPoolExecutor(max_workers=len(engines)) as pool:
            starts = [pool.submit(engine.start, report_one, cancelled) for engine in engines]
            try:
                _await_all(starts)
            except BaseException:
                # Also on Ctrl-C: the threads must end before what they started can be stopped.
                cancelled.set()
                raise
    except BaseException:
        _stop_all(started)
        raise


def _await_all(starts: list[Future[None]]) -> None:
    for start in as_completed(starts):
        start.result()


def _stop_all(engines: list[Engine]) -> list[str]:
    """Stop engines side by side; they take a second each."""
    with ThreadPoolExecutor(max_workers=max(1, len(engines))) as pool:
        stopped = list(pool.map(lambda engine: engine.stop(), engines))
    return [engine.name for engine, was_running in zip(engines, stopped, strict=True) if was_running]
