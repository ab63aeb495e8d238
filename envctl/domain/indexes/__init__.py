"""Indexes beyond the manifest's words: mirrors, who may be asked for what, and what is on its way."""
