"""Line attribution for and from other tools: what the ledger knows goes out, what others say comes in as claims.

What comes in is unsigned. It is kept in a table of its own and shown beside what the ledger knows; nothing that
decides anything reads that table.
"""
