"""The report in the formats of others, one file each. `registry` lists them; nothing else knows them all.

Trust: names and messages come from the change. Each format escapes them for its reader, says NOT ENFORCING where the
policy only observes, says what it left out where its reader has a limit, and writes something for a run in which
nothing was decided: an old or an empty file must not be taken for a clean one.
"""
