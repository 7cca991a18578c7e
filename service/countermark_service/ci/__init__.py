"""Where a job runs: what each platform says of the change that it is about. One file a platform; `platforms` detects.

Trust: environment variables and event files are hostile, for a title or a branch name is anybody's. Only ids,
numbers and branch names of the one accepted spelling leave this package, and nothing in here decides: the pins
come from the job's settings, and a platform can at most choose which commits are looked at.
"""
