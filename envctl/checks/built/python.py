"""Is the interpreter of an image's environment the one that its base image has, and does it start as it should?"""

from collections.abc import Iterator

from envctl.checks.built.below import base_height
from envctl.checks.built.findings import differs, shadowed
from envctl.domain.finding import Finding
from envctl.domain.image.configuration import read_configuration
from envctl.domain.image.contents import Contents, resolve
from envctl.domain.image.proof import ENVIRONMENT, Evidence, Promise


def check(contents: Contents, promise: Promise, evidence: Evidence) -> Iterator[Finding]:
    """Yield how the interpreter differs; what the base image has is looked at in ``below``."""
    files = contents.files
    height = base_height(contents, evidence)
    behind = {
        name: resolve(files, f"{ENVIRONMENT}/bin/{name}")
        for name in ("python", "python3", f"python{promise.minor}")
    }
    for name, path in behind.items():
        subject = f"/{ENVIRONMENT}/bin/{name}"
        if path is None or files[path].kind != "file":
            if name != f"python{promise.minor}":  # venv makes it in some releases only
                yield differs(subject, f"{subject} leads to no interpreter")
        elif path.startswith(f"{ENVIRONMENT}/"):
            said = f"{subject} is an interpreter of its own, not that of the base image"
            yield shadowed(subject, said)
        elif height is not None and files[path].layer >= height:
            said = f"{subject} leads to /{path}, which is not of the base image"
            yield shadowed(subject, said)
        elif path.rpartition("/")[2] != f"python{promise.minor}":
            yield differs(
                "python",
                f"{subject} leads to /{path}",
                expected=f"Python {promise.minor}",
                actual=path.rpartition("/")[2],
            )
    yield from _configuration(contents, promise, behind["python"], height)


def _configuration(
    contents: Contents, promise: Promise, behind: str | None, height: int | None
) -> Iterator[Finding]:
    """pyvenv.cfg decides where the standard library is taken from, and whether other packages are seen (PEP 405)."""
    subject = f"/{ENVIRONMENT}/pyvenv.cfg"
    entry = contents.files.get(subject[1:])
    text = contents.text(subject[1:]) if entry and entry.kind == "file" else None
    if text is None:
        yield differs(subject, f"{subject} is not there, or is no file")
        return
    found = read_configuration(text)
    if found.system:
        said = "packages of the base image are seen beside those of the environment"
        yield shadowed(subject, said, actual="include-system-site-packages = true")
    version, home = found.version, found.home.strip("/")
    if not f"{version}.".startswith(f"{promise.python}."):
        said = f"the environment was made by Python {version or 'of no known version'}"
        yield differs("python", said, expected=promise.python, actual=version or None)
    names = ("python3", f"python{promise.minor}")
    if not any(_leads(contents, f"{home}/{name}", behind, height) for name in names):
        said = f"the environment takes its standard library from /{home}, and its interpreter from /{behind}"
        yield shadowed(subject, said, actual=f"home = /{home}")


def _leads(contents: Contents, path: str, behind: str | None, height: int | None) -> bool:
    """Whether a path leads to the interpreter, by links of the base image alone.

    Python looks for its library from ``home`` as it is named (CPython, getpath.py), so a folder of somebody else's with
    a link to the right interpreter would bring another library.
    """
    links: list[str] = []
    if behind is None or resolve(contents.files, path, links) != behind:
        return False
    if height is None:
        return path.rpartition("/")[0] == behind.rpartition("/")[0]
    return all(contents.files[link].layer < height for link in links)
