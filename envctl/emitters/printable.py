"""Text from a file that anyone may have written, as a person's terminal takes it."""


def printable(text: str, *, names: bool = False) -> str:
    """Return a text with its control characters spelled out: none may steer a terminal, and XML has none.

    ``names``: the bytes of a file's name that are no text (PEP 383) stay as they are, for a terminal to take.
    """
    return "".join(
        each
        if each.isprintable() or (names and "\udc80" <= each <= "\udcff")
        else ascii(each)[1:-1]
        for each in text
    )
