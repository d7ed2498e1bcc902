"""The servers for people who have none: Postgres, Kafka and Spark as child processes, on loopback by default.

Imports no other package of this project: what runs an election does not know how its servers
were started, and what starts servers does not know what an election is.
"""
