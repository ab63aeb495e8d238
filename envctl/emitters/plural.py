"""Numbers of things, as people say them."""


def many(number: int, noun: str = "package") -> str:
    """Return ``1 package``, ``2 packages``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
