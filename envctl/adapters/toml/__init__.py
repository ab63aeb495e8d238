"""Edits of TOML that a user keeps."""
