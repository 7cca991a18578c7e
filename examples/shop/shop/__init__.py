"""A small shop: accounts, a catalogue, orders, and the pages that show them."""
