"""A live environment's files."""
