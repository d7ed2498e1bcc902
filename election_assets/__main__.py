"""`python -m election_assets` is the command line."""

from election_assets.cli import main

main()
