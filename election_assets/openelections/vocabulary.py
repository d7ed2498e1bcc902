"""The words of OpenElections files: which columns are methods, which offices are counts, which names are write-ins."""

import re
import unicodedata
from collections.abc import Container
from enum import Enum, auto

from election_assets.domain.election import Method

_COLUMNS_OF_METHOD = {
    Method.TOTAL: "votes total total_votes votes_total vote",
    Method.ELECTION_DAY: "election_day election_day_votes polling_place polls machine in_person",
    Method.MAIL: (
        "mail mail_in mailin mail_votes mail_in_votes by_mail vote_by_mail mail_ballots absentee absentees "
        "absentee_votes absentee_mail absentee_by_mail absentee_mail_in military overseas uocava"
    ),
    Method.EARLY: (
        "early early_voting early_votes early_vote early_in_person in_person_early in_person_absentee advance "
        "advance_voting advance_in_person advanced_voting one_stop"
    ),
    Method.PROVISIONAL: "provisional provisionals provisional_votes prov affidavit",
}
METHOD_OF_COLUMN = {column: method for method, columns in _COLUMNS_OF_METHOD.items() for column in columns.split()}
KEY_COLUMNS = ("county", "precinct", "office", "district", "party", "candidate")

_WRITE_IN = re.compile(r"\Awrite[ -]?ins?\b.*|.*\bwrite[ -]?ins?\Z|.*\(write[ -]?ins?\)\Z|\Ascatter(?:ing|ed)\Z")
_ANY_WRITE_IN = re.compile(
    r"\A(?:all |total )?write[ -]?ins?(?: votes?)?(?: totals?| \(total\))?\Z|\Ascatter(?:ing|ed)\Z"
)
_LEFT_OVER = re.compile(
    r"\A(?:(?:number of |times |total )?(?:over|under)[ -]?(?:votes?|voted)|blanks?(?: votes?)?"
    r"|(?:contest |grand )?totals?(?: votes?)?(?: cast)?|votes cast|ballots cast|times (?:counted|cast))\Z"
)
_SUM_OF_PRECINCTS = re.compile(r"\A(?:county |grand |state ?wide |precinct )?totals?:?\Z")


class Kind(Enum):
    """What a row of the file is about."""

    CONTEST = auto()
    REGISTERED_VOTERS = auto()
    BALLOTS_CAST = auto()
    BALLOTS_CAST_BLANK = auto()
    TURNOUT = auto()


_COUNTS = (
    (Kind.TURNOUT, re.compile(r"(?:voter )?turnout\b|percent\b")),
    (
        Kind.REGISTERED_VOTERS,
        re.compile(r"(?:total )?(?:registered voters?|voters? registered|voter registration)\b"),
    ),
    (Kind.BALLOTS_CAST_BLANK, re.compile(r"blank ballots?\b|ballots? cast\b.*\bblank\b")),
    (Kind.BALLOTS_CAST, re.compile(r"(?:total )?ballots? cast\b|total ballots\b")),
)
_WORDS_OF_COUNTS = {
    "total",
    "all",
    "registered",
    "voter",
    "voters",
    "registration",
    "ballot",
    "ballots",
    "cast",
    "blank",
    "votes",
}


def plain(text: str) -> str:
    """Return a text with single spaces and in one case, for comparing names."""
    return " ".join(text.split()).casefold()


def kind_of(office: str, candidate: str, party: str) -> tuple[Kind, str]:
    """Return what a row is about, and which part of the voters or ballots it counts: empty for all of them."""
    name = plain(office)
    kind = next((kind for kind, pattern in _COUNTS if pattern.match(name)), Kind.CONTEST)
    if kind is Kind.CONTEST:
        return kind, ""
    words = re.findall(r"[a-z]+", plain(f"{office} {candidate} {party}"))
    if kind is Kind.BALLOTS_CAST and "blank" in words:
        kind = Kind.BALLOTS_CAST_BLANK
    return kind, " ".join(word for word in words if word not in _WORDS_OF_COUNTS)


def is_left_over(candidate: str) -> bool:
    """Tell a row of over- or undervotes, or of a contest's sum, from one of a candidate."""
    return bool(_LEFT_OVER.match(plain(candidate)))


def is_sum_of_precincts(precinct: str) -> bool:
    """Tell a row that adds up the precincts from one of a precinct."""
    return bool(_SUM_OF_PRECINCTS.match(plain(precinct)))


def is_write_in(candidate: str) -> bool:
    """Tell whether a line counts write-ins, named or not."""
    return bool(_WRITE_IN.match(plain(candidate)))


def is_any_write_in(candidate: str) -> bool:
    """Tell whether a line counts write-ins of nobody in particular, however it is spelt."""
    return bool(_ANY_WRITE_IN.match(plain(candidate)))


def plain_district(district: str) -> str:
    """Return one spelling of a district: `08` and `8.0` are `8`."""
    text = " ".join(district.split())
    number = re.fullmatch(r"0*(\d+)(?:\.0+)?", text)
    return number.group(1) if number else text


def new_id(text: str, taken: Container[str], otherwise: str) -> str:
    """Make an id of a name: lower case, dashes, at most 64 characters, none of those taken."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9:]+", "-", re.sub(r"[.']", "", ascii_text)).replace(":", ".").strip("-.")
    base = words[:64].rstrip("-.") or otherwise
    number, found = 1, base
    while found in taken:
        number += 1
        found = f"{base[: 63 - len(str(number))]}-{number}"
    return found
