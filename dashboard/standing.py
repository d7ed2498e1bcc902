"""How a contest stands, in a sentence. Leads are told, winners are not: ballots may still be out."""

from dashboard.formatting import count, counted, listed
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


def ballot_sentence(contest: Contest) -> str:
    """Say what became of the votes that the contest's ballots carried."""
    allowed = "Vote for one" if contest.votes_allowed == 1 else f"Vote for up to {contest.votes_allowed}"
    return (
        f"{allowed} · {count(contest.ballot_count)} ballots · {count(contest.vote_count)} votes · "
        f"{count(contest.undervote_count)} undervotes · {count(contest.overvote_count)} overvotes"
    )
