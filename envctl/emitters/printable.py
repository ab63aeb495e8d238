"""Text from a file that anyone may have written, as a person's terminal takes it."""


def printable(text: str) -> str:
    """Return a text with its control characters spelled out: none may steer a terminal, and XML has none."""
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
    )
