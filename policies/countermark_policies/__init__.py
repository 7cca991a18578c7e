"""Policies and rules as data."""
