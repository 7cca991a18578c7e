"""Scanners of one shape, and the score that decides."""
