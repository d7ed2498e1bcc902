"""The kinds of error, by whether trying again can help."""

from election_assets.domain.plain_text import visible


class ElectionError(Exception):
    """Something went wrong that a person may have to read about."""

    def __str__(self) -> str:
        """Return the sentences with whatever control characters a name in them has spelled out."""
        return visible(super().__str__(), but="\n")


class PermanentError(ElectionError):
    """The same input will fail the same way: mend something first."""


class TransientError(ElectionError):
    """Another attempt may succeed: a broker moved, a connection dropped."""
