"""The commands of every moment, answered before anything is imported, where all agrees.

``verify``, a ``sync`` or ``lock`` with nothing to do, and ``run`` leave a note of what they answered and of every
input that the answer rests on, in ``.envctl/cache/``. Here the inputs are looked at again: when all are the same, so is
the answer. Anything else, a wrong or missing note included, is left to the full program: it costs time, never truth.

A note is text: a line with envctl's version, the Python that runs it and a digest of the note's name and of all that
follows; one line per input, ``KIND EXPECTED NAME`` (see ``look``); an empty line; then the answer.
"""

import os
import sys

from envctl import __version__

CACHE = ".envctl/cache"
_SEPARATOR = "\x1f"


def answer(argv: list[str]) -> None:
    """Answer and leave the process if the note for this command line still holds; else return."""
    try:
        if argv[1:2] == ["verify"]:
            _say(_verify_note(argv[2:]), sys.stdout)
        elif argv[1:] in (["sync"], ["lock"]):
            _say(argv[1], sys.stderr)
        elif argv[1:3] == ["run", "--"] and argv[3:]:
            _start(argv[3:])
    except (OSError, ValueError, LookupError, ImportError):
        return


def seal(name: str, inputs: "list[tuple[str, str, str]]", body: str) -> str:
    """Return the text of the note ``name``; ``inputs`` are kind, what ``look`` must say, and name."""
    if any("\n" in path for _, _, path in inputs):
        raise ValueError("a name with a line end")
    lines = "".join(f"{kind} {expected} {path}\n" for kind, expected, path in inputs)
    rest = f"{lines}\n{body}"
    return f"{_head(name, rest)}\n{rest}"


def look(kind: str, name: str) -> str:
    """Return what an input is now, as one word; raises ``ValueError`` for a kind that is not known."""
    if kind == "file":
        return digest(name)
    if kind == "link":
        return _digest(os.fsencode(os.readlink(name)))  # noqa: PTH115
    if kind == "listing":
        return listing(name)
    if kind == "stat":  # a large file that nobody edits in place: an interpreter
        found = os.stat(name)  # noqa: PTH116
        return f"{found.st_size}:{found.st_mtime_ns}"
    if kind == "variable":
        return _digest(os.fsencode(os.environ[name])) if name in os.environ else "-"
    if kind == "here":  # a copy of the project has a copy of its notes
        return "yes" if os.getcwd() == name else "no"  # noqa: PTH109
    raise ValueError(kind)


def digest(path: str) -> str:
    """Return a file's digest, ``-`` when there is none."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123  # pathlib would be the largest import here
            return _digest(file.read())
    except (FileNotFoundError, NotADirectoryError):
        return "-"


def listing(path: str) -> str:
    """Return a digest over the names of the installed packages' metadata folders."""
    names = sorted(name for name in os.listdir(path) if name.endswith(".dist-info"))  # noqa: PTH208
    return _digest(os.fsencode("\n".join(names)))


def _digest(content: bytes) -> str:
    from _blake2 import blake2b  # noqa: PLC0415  # hashlib would load OpenSSL: 3 ms

    return blake2b(content, digest_size=20).hexdigest()


def _head(name: str, rest: str) -> str:
    # The Python counts: `sync` takes the one that runs envctl, where it fits the project.
    python = ".".join(map(str, sys.version_info[:3]))
    return f"envctl {__version__} {python} {_digest(f'{name} {rest}'.encode())}"


def _verify_note(arguments: list[str]) -> str:
    """Return the note's name for ``verify``'s options; raises ``ValueError`` for those that are not known here."""
    only, as_json = "", ""
    rest = list(arguments)
    while rest:
        option = rest.pop(0)
        if option == "--json":
            as_json = ".json"
        elif option == "--only" and not only:  # two of them add up: that is for the full program
            only = ",".join(sorted(rest.pop(0).split(",")))
        else:
            raise ValueError(option)
    if not (only.isascii() and only.islower() and only.replace(",", "").isalpha()):
        raise ValueError(only)
    return f"verify-{only}{as_json}"


def _read(name: str) -> str:
    """Return a note's answer; raises ``ValueError`` when it is damaged or one of its inputs has changed."""
    with open(f"{CACHE}/{name}", encoding="utf-8", newline="") as file:  # noqa: PTH123
        head, _, rest = file.read().partition("\n")
    if head != _head(name, rest):
        raise ValueError(head)
    inputs, _, body = rest.partition("\n\n")
    for line in inputs.split("\n"):
        kind, expected, path = line.split(" ", 2)
        if look(kind, path) != expected:
            raise ValueError(line)
    return body


def _say(name: str, stream: "object") -> None:
    text = _read(name)
    stream.write(text)  # type: ignore[attr-defined]
    stream.flush()  # type: ignore[attr-defined]
    os._exit(0)  # nothing was opened that needs closing; the interpreter's own goodbye costs 3 ms


def _start(argv: list[str]) -> None:
    """Become the command in the environment; a variable that the caller's word could decide goes the full way."""
    environment, label, marks, *variables = _read("run").split("\0")
    environ = os.environ
    if any(mark in environ for mark in marks.split(_SEPARATOR)):
        return
    changed = {}
    for variable in variables:
        name, kind, value = variable.split(_SEPARATOR, 2)
        if kind == "host" and name in environ:
            return
        changed[name] = value
    env = {**environ, **entered(environment, label, environ), **changed}
    env.pop("PYTHONHOME", None)
    for folder in env["PATH"].split(":") if "/" not in argv[0] else [""]:
        path = f"{folder}/{argv[0]}" if folder else argv[0]
        if os.access(path, os.X_OK) and not os.path.isdir(path):  # noqa: PTH112
            lease(environment)
            become(path, argv, env)


def entered(environment: str, label: str, environ: "os._Environ[str]") -> dict[str, str]:
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

    descriptor = os.open(f"{environment}/envctl.json", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)  # waits a moment at most: while `sync` looks
    os.set_inheritable(descriptor, True)


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
