"""Do the environment's libraries find the system's libraries that they need?

What is lacking keeps one import from working, and often one that nobody makes (plug-ins for an optional backend): so
it is a warning, with the file that asks.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from envctl.domain.finding import Finding, Severity
from envctl.domain.image import libraries
from envctl.domain.image.libraries import Bundle, Lacking

_SHOWN = 2


def expected(
    bundle: Bundle, machine: str, *, suite: str, system_packages: Iterable[str]
) -> Iterator[Finding]:
    """Yield what an image on Python's slim base of a Debian release would lack, by the tables.

    ``system_packages``: what the manifest names, perhaps with versions.
    """
    named = {package.partition("=")[0] for package in system_packages}
    base = libraries.in_base(suite)
    brought = libraries.brought_by(named, suite)
    # What a package outside the table brings along is not known.
    vague = sorted(name for name in named if not libraries.in_table(name, suite))

    def there(library: str) -> bool:
        package = libraries.debian_package(library, suite)
        return library in base or package in brought

    yield from _all(
        libraries.lacking(bundle, machine, there),
        suite,
        "by envctl's table of Debian's packages",
        vague=vague,
    )


def proved(
    bundle: Bundle, machine: str, *, suite: str | None, there: Callable[[str], bool]
) -> Iterator[Finding]:
    """Yield what an image does lack, by the files that are in it."""
    yield from _all(
        libraries.lacking(bundle, machine, there), suite, "by the image's own files", vague=()
    )


def _all(
    found: Iterable[Lacking], suite: str | None, how: str, *, vague: Sequence[str]
) -> Iterator[Finding]:
    """Yield them with one advice for all that Debian has: a person adds them in one line."""
    known = [(each, libraries.debian_package(each.library, suite)) for each in found]
    packages = sorted({package for _, package in known if package})
    for each, package in known:
        yield _finding(each, package, packages, suite, how, vague=vague)


def _finding(
    lacking: Lacking,
    package: str | None,
    packages: Sequence[str],
    suite: str | None,
    how: str,
    *,
    vague: Sequence[str],
) -> Finding:
    askers = [f"{path} of `{package}`" if package else path for path, package in lacking.asked_by]
    more = len(askers) - _SHOWN
    who = ", ".join(askers[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
    needs = "needs" if len(askers) == 1 else "need"
    named = f" (Debian's {package})" if package else ""
    doubt = f", unless {', '.join(vague)} brings it" if vague else ""
    severity: Severity = "note" if vague else "warning"
    return Finding(
        code="library-missing",
        layer="image",
        severity=severity,
        subject=lacking.library,
        message=f"{who} {needs} {lacking.library}{named}, which neither a package of the lock "
        f"nor the base image has ({how}){doubt}",
        expected=package,
        advice=_advice(lacking.library, packages if package else (), suite),
    )


def _advice(library: str, packages: Sequence[str], suite: str | None) -> str:
    if packages:
        names = ", ".join(f'"{package}"' for package in packages)
        return (
            f"add {names} to system-packages in [tool.envctl.image] (Debian {suite}), "
            "then run `envctl dockerize`; leave out what only files need that nobody imports"
        )
    release = f"Debian {suite}" if suite else "the image's system"
    return (
        f"no package of {release} is known to have {library} (table of {libraries.table_date()}): "
        "look for one with `apt-file search`, or leave it out if nobody imports that file"
    )
