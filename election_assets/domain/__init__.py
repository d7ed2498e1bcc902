"""The pure core: elections, ballots and verdicts, with no client library in sight."""
