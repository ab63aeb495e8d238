"""uv as a program: how it is called, and what it says."""
