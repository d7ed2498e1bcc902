"""What people would use instead of the count, on the same log and into the same Postgres.

Each program is the usual way with its tool, stands alone, and runs in a virtual environment of its own with what is
locked beside it. Where things are it reads from its environment: KAFKA, TOPIC, libpq's PGHOST and so on, and for those
with a JVM, JARS and a folder WORK. It counts what is in the topic when it starts, then ends.
"""
