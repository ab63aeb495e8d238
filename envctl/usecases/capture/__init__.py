"""A live environment → a manifest and a lock."""
