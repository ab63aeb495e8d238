"""The variables that hold a login for an index."""


def login_variable(name: str) -> str:
    """Return how uv spells an index's name in variables: ``UV_INDEX_MY_INDEX``, less ``_USERNAME``, ``_PASSWORD``."""
    return "UV_INDEX_" + "".join(c if c.isascii() and c.isalnum() else "_" for c in name).upper()
