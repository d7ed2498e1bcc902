"""The wording of the page: times, counts, shares, labels. Plain text in, plain text out."""

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

UNKNOWN = "–"

METHOD_LABELS = {
    "election_day": "Election day",
    "mail": "Mail",
    "early": "Early",
    "provisional": "Provisional",
    "total": "All methods",
}

# NIST SP 1500-100's statuses. Only certified results are official; a newcomer's `pre_election` may
# well be counting, so it says no more than that.
STATUS_LABELS = {
    "pre_election": "Unofficial",
    "unofficial_partial": "Unofficial · partial",
    "unofficial_complete": "Unofficial · all counted",
    "certified": "Certified",
    "correction": "Unofficial · under correction",
    "recount": "Unofficial · recount",
}

_AGES = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_WORD_JOINER = "\u2060"


def count(number: int | None) -> str:
    """Group thousands by commas; a dash where the number is unknown."""
    return UNKNOWN if number is None else f"{number:,}"


def counted(number: int, noun: str) -> str:
    """Put a number before its noun, the plural made by an s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def share(value: float | None) -> str:
    """Show a share of 0–1 in per cent with one decimal; a dash where there is none."""
    return UNKNOWN if value is None else f"{value:.1%}"


def day(value: date) -> str:
    """Write a date out, day before month, so that nobody reads it the other way round."""
    return f"{value.day} {value:%B %Y}"


def clock(moment: datetime, zone_name: str | None) -> str:
    """Show a moment on the viewer's clock, with its date and zone; UTC where the zone is unknown."""
    local = moment.astimezone(_zone(zone_name))
    return f"{local:%H:%M:%S} {local:%Z}, {day(local.date())}"


def as_of(counted_at: datetime | None, read_at: datetime, zone_name: str | None) -> str:
    """Say how old the figures are; `read_at` is the database's clock, so a viewer's wrong one does not matter."""
    if counted_at is None:
        return "Nothing counted yet"
    return f"As of {clock(counted_at, zone_name)} · {age(read_at - counted_at)} ago"


def age(elapsed: timedelta) -> str:
    """Round an age down to its largest unit; what a clock a little ahead makes negative is 0 seconds."""
    seconds = max(0, int(elapsed.total_seconds()))
    unit, length = next(((unit, length) for unit, length in _AGES if seconds >= length), _AGES[-1])
    return counted(seconds // length, unit)


def method(name: str) -> str:
    """Label a voting method; a new one gets its own name, readable."""
    return METHOD_LABELS.get(name, words(name))


def methods_in_order(names: Iterable[str]) -> list[str]:
    """Order voting methods as everywhere on the page, new ones last."""
    known = list(METHOD_LABELS)
    return sorted(names, key=lambda name: (known.index(name) if name in known else len(known), name))


def status(name: str) -> str:
    """Label an election's status; whatever is not known to be certified is unofficial."""
    return STATUS_LABELS.get(name, f"Unofficial · {words(name).lower()}")


def words(identifier: str) -> str:
    """Turn a lower-case identifier into words."""
    return identifier.replace("_", " ").capitalize()


def listed(names: Iterable[str]) -> str:
    """Join names as in a sentence."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def share_below_one(value: float | None) -> str:
    """Show a share that is one only when it is whole: what rounds up to 100.0% before that stays below."""
    return "99.9%" if value is not None and 0.9995 <= value < 1 else share(value)


def rate(per_second: float | None) -> str:
    """Show a rate per second, small ones with a decimal; a dash where it is unknown."""
    if per_second is None:
        return UNKNOWN
    return f"{per_second:,.0f}" if per_second >= 10 else f"{per_second:.1f}"


def milliseconds(*durations: int | None) -> str:
    """Show durations in milliseconds beside each other; a dash where none is known."""
    known = [f"{each:,}" for each in durations if each is not None]
    return f"{' / '.join(known)} ms" if known else UNKNOWN


def file_name(title: str) -> str:
    """Turn a title into a file's name of letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "table"


def plain(text: str) -> str:
    """Write text so that Streamlit's Markdown shows it letter by letter, whatever a name contains.

    Punctuation is escaped; the word joiner after a colon stops `:smile:` and `:material/…:`,
    which Streamlit looks for after the escapes are gone.
    """
    escaped = _PUNCTUATION.sub(r"\\\1", " ".join(text.split()))
    return re.sub(r":(?=\S)", f":{_WORD_JOINER}", escaped)


def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
