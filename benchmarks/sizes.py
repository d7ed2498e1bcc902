"""How much a run of the benchmarks does, chosen by one word."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """What each work takes: ballots, ballots a second, seconds; in `rounds` everything is measured once each.

    `works` are done where none is named.
    """

    works: tuple[str, ...]
    rounds: int
    drain: tuple[int, ...]
    live_rates: tuple[int, ...]
    live_seconds: int
    surge_rate: int
    surge_seconds: int
    refresh: tuple[int, ...]
    mix: int
    foot_rate: int
    peers: int
    scaling: int
    viewers: tuple[int, ...]


ALL = ("drain", "live", "surge", "refresh", "start", "mix", "foot", "peers", "scaling", "viewers")

SIZES = {
    # Two minutes.
    "smoke": Size(
        works=("drain", "live"),
        rounds=1,
        drain=(200_000,),
        live_rates=(1_000,),
        live_seconds=15,
        surge_rate=1_000,
        surge_seconds=10,
        refresh=(50_000, 100_000),
        mix=50_000,
        foot_rate=1_000,
        peers=100_000,
        scaling=50_000,
        viewers=(0, 10),
    ),
    # Hours: a million ballots at most.
    "usual": Size(
        works=ALL,
        rounds=5,
        drain=(200_000, 1_000_000),
        live_rates=(100, 1_000, 5_000, 20_000),
        live_seconds=30,
        surge_rate=5_000,
        surge_seconds=30,
        refresh=(200_000, 2_000_000),
        mix=300_000,
        foot_rate=5_000,
        peers=1_000_000,
        scaling=1_000_000,
        viewers=(0, 1, 10, 50, 200),
    ),
    # Many hours: ten million ballots, marts at twenty.
    "full": Size(
        works=ALL,
        rounds=5,
        drain=(200_000, 1_000_000, 3_000_000, 10_000_000),
        live_rates=(100, 1_000, 5_000, 20_000),
        live_seconds=120,
        surge_rate=5_000,
        surge_seconds=120,
        refresh=(200_000, 2_000_000, 10_000_000, 20_000_000),
        mix=1_000_000,
        foot_rate=5_000,
        peers=3_000_000,
        scaling=1_000_000,
        viewers=(0, 1, 10, 50, 200),
    ),
}
