"""What `make bench` runs: the count's speed beside calibrators in the same minutes."""
