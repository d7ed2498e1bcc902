"""How a contest stands, in a sentence. Leads are told, winners are not: ballots may still be out."""

from typing import Literal

from dashboard.contents import Race
from dashboard.formatting import count, counted, listed, share
from dashboard.snapshot import Candidate, Contest


def standing(contest: Contest) -> str:
    """Say who is ahead and by how much; a tie is called a tie."""
    ranked, places = contest.ranked, contest.votes_allowed
    if not contest.vote_count:
        return "No votes are counted in this contest yet."
    if not ranked:
        return "All votes in this contest are write-ins."
    return " ".join(filter(None, (_lead(ranked, places), _write_ins_ahead(contest))))


def _lead(ranked: tuple[Candidate, ...], places: int) -> str:
    if len(ranked) == 1:
        return f"{ranked[0].candidate_name} is the only candidate on the ballot paper."
    if len(ranked) <= places:
        return f"{counted(places, 'place')} for {counted(len(ranked), 'candidate')} on the ballot paper."
    ahead, behind = ranked[:places], ranked[places]
    gap = ahead[-1].vote_count - behind.vote_count
    if gap == 0:
        tied = [each.candidate_name for each in ranked if each.vote_count == behind.vote_count]
        where = "" if ahead[0].vote_count == behind.vote_count else f" for place {places}"
        return f"{listed(tied)} are tied{where} at {counted(behind.vote_count, 'vote')} each."
    names = listed(each.candidate_name for each in ahead)
    verb = "leads" if places == 1 else "are ahead of"
    points = ((ahead[-1].vote_share or 0) - (behind.vote_share or 0)) * 100
    return f"{names} {verb} {behind.candidate_name} by {counted(gap, 'vote')} ({points:.1f} points)."


def _write_ins_ahead(contest: Contest) -> str | None:
    write_ins = sum(each.vote_count for each in contest.candidates if each.is_write_in)
    if write_ins <= contest.ranked[0].vote_count:
        return None
    return f"Write-ins together have more: {count(write_ins)}."


def tag(contest: Contest, race: Race | None) -> tuple[str, Literal["green", "orange", "gray"]]:
    """Say in a word or two how far the race is, with a colour; `decided` is arithmetic's word and never a call."""
    if not contest.vote_count or race is None:
        return "No votes yet", "gray"
    if race.is_decided:
        return "Decided by arithmetic", "green"
    return ("Tied", "orange") if _is_tied(contest) else ("Not decided", "orange")


def _is_tied(contest: Contest) -> bool:
    ranked, places = contest.ranked, contest.votes_allowed
    return len(ranked) > places and ranked[places - 1].vote_count == ranked[places].vote_count


def outlook(race: Race | None) -> str:
    """Say what could still change who is ahead; nothing where nothing can, or where that is not known."""
    if race is None or race.is_decided:
        return ""
    sentences = []
    if race.needed_share is not None and race.needed_share <= 1:
        sentences.append(f"To draw level, the next candidate needs {share(race.needed_share)} of what is still out.")
    if race.can_quarantined_change_it:
        sentences.append("The quarantined ballots alone could change it.")
    return " ".join(sentences)


def ballot_sentence(contest: Contest) -> str:
    """Say what became of the votes that the contest's ballots carried."""
    allowed = "Vote for one" if contest.votes_allowed == 1 else f"Vote for up to {contest.votes_allowed}"
    return (
        f"{allowed} · {count(contest.ballot_count)} ballots · {count(contest.vote_count)} votes · "
        f"{count(contest.undervote_count)} undervotes · {count(contest.overvote_count)} overvotes"
    )
