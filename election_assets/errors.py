"""The kinds of error, by whether trying again can help."""


class ElectionError(Exception):
    """Something went wrong that a person may have to read about."""


class PermanentError(ElectionError):
    """The same input will fail the same way: mend something first."""


class TransientError(ElectionError):
    """Another attempt may succeed: a broker moved, a connection dropped."""
