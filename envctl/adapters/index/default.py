"""The index that the resolvers use when nobody names one."""


def default_index() -> str:
    """Return the address that pip itself uses when nobody names an index."""
    from pip._internal.models.index import PyPI  # noqa: PLC0415  # lazy; no public name

    return PyPI.simple_url
