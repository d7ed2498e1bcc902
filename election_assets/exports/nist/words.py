"""The words of NIST SP 1500-100 v2, and how objects of it are spelled in JSON."""

from typing import Any

from election_assets.domain.election import Method

Object = dict[str, Any]

TOTAL = "total"
COUNT_ITEM_TYPES = {
    Method.ELECTION_DAY.value: "election-day",
    Method.MAIL.value: "absentee-mail",
    Method.EARLY.value: "early",
    Method.PROVISIONAL.value: "provisional",
    Method.TOTAL.value: TOTAL,
}
_ELECTION_TYPES = {
    "general", "partisan-primary-closed", "partisan-primary-open", "primary", "runoff", "special",
}  # fmt: skip
_UNIT_TYPES = {
    "ballot-batch", "ballot-style-area", "borough", "city", "city-council", "combined-precinct", "congressional",
    "country", "county", "county-council", "drop-box", "judicial", "municipality", "polling-place", "precinct",
    "school", "special", "split-precinct", "state", "state-house", "state-senate", "town", "township", "utility",
    "village", "vote-center", "ward", "water",
}  # fmt: skip


def typed(name: str, **fields: Any) -> Object:
    """Return an object of a NIST class; fields that are None are left out."""
    given = {field: value for field, value in fields.items() if value is not None}
    return {"@type": f"ElectionResults.{name}", **given}


def text(content: str) -> Object:
    """Return a text; its language is not known here, which BCP 47 writes as `und`."""
    return typed("InternationalizedText", Text=[typed("LanguageString", Content=content, Language="und")])


def identifier(kind: str, value: object) -> Object:
    """Return an identifier of a kind that NIST has no word for."""
    return typed("ExternalIdentifier", Type="other", OtherType=kind, Value=str(value))


def unit_id(reporting_unit_id: str) -> str:
    """Return the reference to a reporting unit."""
    return f"unit-{reporting_unit_id}"


def results_status(status: str) -> str:
    """Return NIST's word for the state of the results."""
    return status.replace("_", "-")


def election_type(word: str) -> Object:
    """Return the fields of an election's type."""
    return _known_or_other(word, _ELECTION_TYPES)


def unit_type(word: str) -> Object:
    """Return the fields of a reporting unit's type."""
    return _known_or_other(word, _UNIT_TYPES)


def _known_or_other(word: str, known: set[str]) -> Object:
    spelt = "-".join(word.lower().replace("_", " ").split())
    return {"Type": spelt} if spelt in known else {"Type": "other", "OtherType": word}
