"""Start a command in the environment: standard library only, for the fast path and for the full program.

What is not certain here raises ``ValueError``, ``LookupError`` or ``OSError``, or returns: then the full program
settles it, at the cost of its imports.
"""

import os

_SEPARATOR = "\x1f"
_LEASES = 64
"""The lowest number of a file descriptor that a command is given beside its own."""


def words(arguments: list[str]) -> "tuple[dict[str, str], list[str]]":
    """Return the variables and the command of ``run``; raises ``ValueError`` for any other option."""
    given, rest = {}, list(arguments)
    while rest[0] == "--env":
        name, equals, value = rest[1].partition("=")
        if not (equals and name.isascii() and name.isidentifier()):
            raise ValueError(name)
        given[name] = value
        rest = rest[2:]
    if rest[0] == "--":
        rest = rest[1:]
    elif rest[0].startswith("-"):
        raise ValueError(rest[0])
    return given, rest


def start(given: dict[str, str], argv: list[str], note: str) -> None:
    """Become the command in the environment that ``note`` describes (``envctl.usecases.note.entered``).

    Returns where a variable is the caller's or a scheduler's to decide, or there is no such program: the full program
    settles that.
    """
    environment, label, marks, hosts, refused, paths, about, *variables = note.split("\0")
    environ = os.environ
    if any(mark in environ for mark in marks.split(_SEPARATOR)):
        return
    changed: dict[str, str] = {}
    local: dict[str, str] = {}
    for variable in variables:
        name, source, value = variable.split(_SEPARATOR, 2)
        (local if source == "local" else changed)[name] = value
    hidden: set[str] = set()
    for path in filter(None, paths.split(_SEPARATOR)):
        found = secrets(path, refused.split(_SEPARATOR))
        hidden.update(found)
        changed.update(found)
    changed.update(local)
    if any(name in environ and name in changed for name in hosts.split(_SEPARATOR)):
        return
    decided = {**entered(environment, label, environ), **changed, **given}
    env = {**environ, **{name: decided[name] for name in sorted(decided)}}
    if "PYTHONHOME" not in given:
        env.pop("PYTHONHOME", None)
    path = _program(argv[0], env["PATH"])
    if path:
        lease(environment)
        begin(path, argv, env, about, hidden)


def begin(
    program: str, argv: list[str], env: dict[str, str], about: str, hidden: "set[str]"
) -> None:
    """Leave the run's description (``envctl.runs``) and become the command."""
    from envctl.runs import leaving  # noqa: PLC0415  # not for `shell`

    left = leaving.leave(about, env, hidden)
    try:
        become(program, argv, env)
    finally:  # it is not to be had
        leaving.forget(left)


def _program(name: str, folders: str) -> str:
    """Return the path of a program, empty where it is not to be had."""
    search = folders.split(":") if folders and "/" not in name else []
    for folder in [""] if "/" in name else search:
        path = f"{folder}/{name}" if folder else name  # an empty folder is the one that we are in
        if os.access(path, os.X_OK) and not os.path.isdir(path):  # noqa: PTH112
            return path
    return ""


def secrets(path: str, refused: "list[str]") -> dict[str, str]:
    """Return the variables of a dotenv file whose lines are all so plain that they mean one thing only.

    ``ValueError`` for any other, ``envctl.readers.env_file`` then reads it, and for a name in ``refused``.
    """
    if os.stat(path).st_mode & 0o170000 != 0o100000:  # noqa: PTH116  # a pipe would be waited for
        raise ValueError(path)
    with open(path, encoding="utf-8", newline="") as file:  # noqa: PTH123
        lines = file.read().replace("\r\n", "\n").split("\n")
    found = {}
    for line in lines:
        if not line.isprintable():
            raise ValueError(path)
        if line.strip(" ") == "" or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        plain = equals and name.isascii() and name.isidentifier() and name[0] != "_"
        if not plain or name in refused:
            raise ValueError(path)
        quoted = value[:1] in ("'", '"')
        text = value[1:-1] if quoted else value
        if quoted and (
            value[-1:] != value[0] or len(value) == 1 or value[0] in text or "\\" in text
        ):
            raise ValueError(path)
        if not quoted and " " in text:
            raise ValueError(path)
        found[name] = text
    return found


def entered(
    environment: str, label: str, environ: "dict[str, str] | os._Environ[str]"
) -> dict[str, str]:
    """Return what virtualenv's own part of ``activate`` sets."""
    programs = f"{environment}/bin"
    rest = (environ.get("PATH") or os.defpath).split(":")
    libraries = [f"{environment}/lib/pkgconfig", environ.get("PKG_CONFIG_PATH", "")]
    return {
        "PATH": ":".join([programs, *(each for each in rest if each != programs)]),
        "PKG_CONFIG_PATH": ":".join(dict.fromkeys(each for each in libraries if each)),
        "VIRTUAL_ENV": environment,
        "VIRTUAL_ENV_PROMPT": label,
    }


def lease(environment: str) -> None:
    """Hold the environment while the command lives: a shared lock that ``exec`` keeps and the kernel ends."""
    import fcntl  # noqa: PLC0415

    opened = os.open(f"{environment}/envctl.json", os.O_RDONLY)
    fcntl.flock(opened, fcntl.LOCK_SH)  # waits a moment at most: while `sync` looks
    # Out of the way: where the caller had closed stdin it would have become that, and scripts take 3 for their own.
    fcntl.fcntl(opened, fcntl.F_DUPFD, _LEASES)
    os.close(opened)


def become(program: str, argv: list[str], env: dict[str, str]) -> None:
    """Replace this process; what Python does to signals at its start is undone, as ``subprocess`` does."""
    import _signal  # type: ignore[import-not-found]  # noqa: PLC0415  # signal would load enum

    changed = [getattr(_signal, name, 0) for name in ("SIGPIPE", "SIGXFSZ")]
    for number in filter(None, changed):
        _signal.signal(number, _signal.SIG_DFL)
    try:
        os.execve(program, argv, env)
    finally:  # it is not to be had
        for number in filter(None, changed):
            _signal.signal(number, _signal.SIG_IGN)
