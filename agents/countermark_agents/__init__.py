"""Agents at work, and what the host observed of them."""
