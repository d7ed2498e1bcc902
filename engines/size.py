"""The size of a home: one engine of each kind for a laptop, or a cluster on one host. A home keeps its size."""

from enum import StrEnum

from engines.errors import EnginesError
from engines.home import Home


class Size(StrEnum):
    """How many engines a home has: Postgres and Kafka, or three Kafka nodes and a Spark cluster beside Postgres."""

    LAPTOP = "laptop"
    CLUSTER = "cluster"

    @property
    def kafka_nodes(self) -> int:
        """How many Kafka nodes there are, each broker and controller."""
        return 3 if self is Size.CLUSTER else 1

    @property
    def spark_workers(self) -> int:
        """How many Spark workers there are at first; none without a Spark master."""
        return 3 if self is Size.CLUSTER else 0


def remembered_size(home: Home) -> Size | None:
    """Read the size a home was started with; None where it never started."""
    try:
        named = home.size_file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        # A laptop's home has no such file, as none had before there were sizes.
        return Size.LAPTOP if home.env_file.exists() else None
    except (OSError, UnicodeDecodeError) as error:
        raise EnginesError(f"{home.size_file} cannot be read ({error}); it holds the home's size.") from error
    if named not in list(Size):
        raise EnginesError(f"{home.size_file} says {named!r}, which is no size; write one of {', '.join(Size)} there.")
    return Size(named)


def settled_size(home: Home, asked: Size | None) -> Size:
    """Return the home's size, remembering the one asked for at its first start; refuse another later.

    Call it under the home's lock.
    """
    known = remembered_size(home)
    if known is None:
        size = asked or Size.LAPTOP
        if size is not Size.LAPTOP:
            home.size_file.write_text(f"{size}\n", encoding="ascii")
        return size
    if asked not in (None, known):
        raise EnginesError(
            f"The home {home.path} is of size {known}, and {asked} was asked for; "
            "name another folder in ELECTION_HOME for that, or remove this one with all that was counted in it."
        )
    return known
