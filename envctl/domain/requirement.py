"""Requirements as a manifest holds them: PEP 508 in one spelling, without credentials."""

from collections.abc import Mapping

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envctl.errors import ManifestError


def requirements(texts: tuple[str, ...], where: str) -> tuple[str, ...]:
    """Normalise PEP 508 requirements; raises ``ManifestError`` with the position of a bad one."""
    return tuple(requirement(text, f"{where}[{n}]") for n, text in enumerate(texts))


def requirement(text: str, where: str) -> str:
    """Return a PEP 508 requirement in one canonical spelling, so that white space changes nothing."""
    try:
        parsed = Requirement(text)
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0]
        raise ManifestError(
            f"`{text}` is not a requirement: {reason}",
            where=where,
            hint="write it as PEP 508 has it, for example `numpy>=2; python_version < '3.13'`",
        ) from error
    if parsed.url:
        no_credentials(parsed.url, where)
    parsed.name = canonicalize_name(parsed.name)
    parsed.extras = {canonicalize_name(extra) for extra in parsed.extras}
    return str(parsed)


def no_credentials(url: str, where: str) -> None:
    """Refuse an address with a user name or password in it; raises ``ManifestError``."""
    scheme, _, rest = url.partition("://")
    user, at, _ = rest.partition("/")[0].rpartition("@")
    # `git@` tells an ssh server nothing secret; before a web address a lone name is a token.
    if at and (":" in user or not scheme.endswith("ssh")):
        raise ManifestError(
            "the address holds a user name or password, and this file is committed",
            where=where,
            hint="take it out; put credentials into your keyring, ~/.netrc or the environment",
        )


def unfolded(
    texts: tuple[str, ...], name: str | None, extras: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """Replace the project's own name (``all = ["vision[viz,io]"]``) by what those extras hold.

    The resolvers know the project under no name: they would look for a stranger's package of that name.
    """
    if name is None:
        return texts
    found: dict[str, None] = {}
    rest = [(Requirement(text), frozenset[str]()) for text in reversed(texts)]
    while rest:
        requirement_, seen = rest.pop()
        if requirement_.name != canonicalize_name(name):
            found[str(requirement_)] = None
            continue
        for extra in sorted(requirement_.extras - seen, reverse=True):
            for text in reversed(extras.get(extra, ())):
                inner = Requirement(text)
                if requirement_.marker:
                    inner.marker = _both(inner.marker, requirement_.marker)
                rest.append((inner, seen | {extra}))
    return tuple(found)


def _both(one: Marker | None, other: Marker) -> Marker:
    return other if one is None else Marker(f"({one}) and ({other})")
