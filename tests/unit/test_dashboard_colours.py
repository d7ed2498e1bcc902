"""Claims about party colours, measured as people with each kind of colour vision see them."""

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from dashboard.colours import FALLBACK, PARTIES, WRITE_IN, candidate_colours
from dashboard.snapshot import Candidate

# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
VISION = {
    "trichromacy": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
RGB_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE_POINT = np.array([0.9505, 1.0, 1.089])
PALETTE = sorted({*PARTIES.values(), WRITE_IN, *FALLBACK})


def linear(colour: str) -> NDArray[np.float64]:
    parts = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    ratio = RGB_TO_XYZ @ rgb / WHITE_POINT
    x, y, z = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted(float(RGB_TO_XYZ[1] @ linear(colour)) for colour in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


def candidate(candidate_id: str, party: str | None = None, is_write_in: bool = False, votes: int = 0) -> Candidate:
    return Candidate("c", candidate_id, candidate_id, party, is_write_in, votes, None, None, None, None, {})


@pytest.mark.parametrize("vision", VISION)
def test_every_two_colours_differ_for_every_kind_of_colour_vision(vision: str) -> None:
    seen = {colour: lab(np.clip(np.array(VISION[vision]) @ linear(colour), 0, 1)) for colour in PALETTE}
    distances = {pair: np.linalg.norm(seen[pair[0]] - seen[pair[1]]) for pair in combinations(PALETTE, 2)}
    assert min(distances.values()) >= 15, min(distances, key=lambda pair: distances[pair])


@pytest.mark.parametrize("ground", ["#ffffff", "#0e1117"])
@pytest.mark.parametrize("colour", PALETTE)
def test_every_colour_stands_out_from_both_themes(colour: str, ground: str) -> None:
    assert contrast(colour, ground) >= 3


def test_a_party_has_its_colour_however_a_county_abbreviates_it() -> None:
    colours = candidate_colours((candidate("a", "LIB"), candidate("b", "LBT"), candidate("c", "lbt")))
    assert len(set(colours.values())) == 1


def test_candidates_without_a_party_differ_and_write_ins_are_grey() -> None:
    colours = candidate_colours((candidate("yes"), candidate("no"), candidate("write-ins", is_write_in=True)))
    assert len(set(colours.values())) == 3
    assert colours["write-ins"] == WRITE_IN


def test_a_candidate_keeps_the_colour_when_the_lead_changes() -> None:
    yes, no = candidate("yes", votes=2), candidate("no", votes=1)
    assert candidate_colours((yes, no)) == candidate_colours((no, yes))


def test_more_parties_than_colours_still_get_one_each() -> None:
    colours = candidate_colours(tuple(candidate(f"c{number}", f"P{number}") for number in range(30)))
    assert set(colours.values()) == set(FALLBACK)
