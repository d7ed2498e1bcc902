"""The one error the engines raise."""


class EnginesError(Exception):
    """An engine cannot do what was asked; the message says what was found and what would mend it."""
