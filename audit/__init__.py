"""The independent recount: an election's log judged and counted a second time, by other code than the count's.

It shares nothing with `spark` and `election_assets.domain`, and was written from the rules in docs/design.md alone. It
reads ballots with regular expressions where the count parses JSON, keeps names where the count keeps numbers, and adds
up one ballot after the other where the count sorts arrays: a fault of the one is hardly a fault of the other.
"""
