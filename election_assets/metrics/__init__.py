"""What Prometheus scrapes: count, lag and errors of each election, and nothing of how anybody voted."""
