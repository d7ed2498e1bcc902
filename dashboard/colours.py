"""Colours of parties, told apart with any kind of colour vision and on light and dark ground alike.

Chosen so that every two of them keep a CIE76 distance of 15 or more as people with protanopia,
deuteranopia or tritanopia see them (Machado et al. 2009), and 3:1 contrast with both themes
(WCAG 2.2, 1.4.11); tests/unit/test_dashboard_colours.py measures it.
"""

from dashboard.snapshot import Candidate

BLUE, RED, GOLD, GREEN = "#2F6FD0", "#D1382C", "#B58900", "#1AA57C"
WRITE_IN = "#696969"
FALLBACK = ("#8430F5", "#648F4E", "#F024EC", "#8D4C8F")

# As OpenElections abbreviates them; its counties differ (LIB in Adams, LBT in Luzerne).
PARTIES = {
    "DEM": BLUE,
    "REP": RED,
    "LIB": GOLD,
    "LBT": GOLD,
    "GRE": GREEN,
    "GRN": GREEN,
}


def candidate_colours(candidates: tuple[Candidate, ...]) -> dict[str, str]:
    """Give each candidate id its party's colour; a party not known here, or none, gets one of its own.

    Own colours go by name, not by rank: a candidate keeps theirs when the lead changes.
    """
    keys = {each.candidate_id: _key(each) for each in candidates}
    unknown = sorted({key for key in keys.values() if key not in PARTIES and key != WRITE_IN})
    own = {key: FALLBACK[position % len(FALLBACK)] for position, key in enumerate(unknown)}
    return {identifier: PARTIES.get(key) or own.get(key, WRITE_IN) for identifier, key in keys.items()}


def _key(candidate: Candidate) -> str:
    if candidate.is_write_in:
        return WRITE_IN
    return (candidate.party or candidate.candidate_id).upper()
