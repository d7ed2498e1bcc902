"""Text that a person reads: what must not stand in it, and how it is shown where it does.

What a folder or a file holds, and what it is called, may come from anybody, and goes on to terminals, logs and
spreadsheets.
"""

import re

# What moves a cursor, begins a line, turns the direction of writing (UAX #9) or is half a character.
CONTROL_CHARACTERS = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"
CONTROLS = re.compile(f"[{CONTROL_CHARACTERS}]")

# A spreadsheet takes a cell that begins so for a formula, and runs it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def visible(text: object, but: str = "") -> str:
    r"""Return a text, or a path, with its control characters spelled out, as `\x1b`, but for those of `but`."""
    return CONTROLS.sub(lambda found: found[0] if found[0] in but else ascii(found[0])[1:-1], str(text))


def shortened(text: str, most: int = 300) -> str:
    """Return a text's beginning and end where it is longer than `most`, and how long it is."""
    if len(text) <= most:
        return text
    return f"{text[: most * 2 // 3]}… ({len(text):,} characters) …{text[-most // 3 :]}"


def listed(names: list[str], most: int = 10) -> str:
    """Return names in quotes, the first of them where they are many."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(shortened(repr(name), 80) for name in names[:most]) + more


def harmless(text: str) -> str:
    """Return a text as a cell that no spreadsheet runs: an apostrophe before what would begin a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
