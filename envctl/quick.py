"""The commands of every moment, answered before anything is imported, where all agrees.

``verify``, a ``sync`` with nothing to do, and ``run`` leave a note of what they answered and of every input that the
answer rests on, in ``.envctl/cache/``. Here the inputs are hashed again: when all are the same, so is the answer.
Anything else, a wrong or missing note included, is left to the full program: it costs time, never truth.

A note is text: a line with envctl's version, one line per input (``file DIGEST PATH``, ``link TARGET PATH``,
``listing DIGEST PATH``; ``-`` for what is not there), an empty line, then the answer.
"""

import os
import sys

from envctl import __version__

CACHE = ".envctl/cache"
_VERIFY = {"--only": 1, "--json": 0}
_SEPARATOR = "\x1f"


def answer(argv: list[str]) -> None:
    """Answer and leave the process if the note for this command line still holds; else return."""
    try:
        if argv[1:2] == ["verify"]:
            _say(_verify_note(argv[2:]), sys.stdout)
        elif argv[1:] == ["sync"]:
            _say("sync", sys.stderr)
        elif argv[1:3] == ["run", "--"] and argv[3:]:
            _start(argv[3:])
    except (OSError, ValueError, IndexError, ImportError):
        return


def digest(path: str) -> str:
    """Return a file's digest, ``-`` when there is none. BLAKE2: the one fast hash that loads no library."""
    from _blake2 import blake2b  # noqa: PLC0415  # hashlib would load OpenSSL: 3 ms

    try:
        with open(path, "rb") as file:  # noqa: PTH123  # pathlib would be the largest import here
            return blake2b(file.read(), digest_size=20).hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return "-"


def listing(path: str) -> str:
    """Return a digest over the names of the installed packages' metadata folders."""
    from _blake2 import blake2b  # noqa: PLC0415

    names = sorted(name for name in os.listdir(path) if name.endswith(".dist-info"))  # noqa: PTH208
    return blake2b("\n".join(names).encode(), digest_size=20).hexdigest()


def holds(kind: str, expected: str, path: str) -> bool:
    """Whether one input is as a note has it."""
    if kind == "file":
        return digest(path) == expected
    if kind == "link":
        return os.readlink(path) == expected  # noqa: PTH115
    return kind == "listing" and listing(path) == expected


def _verify_note(arguments: list[str]) -> str:
    """Return the note's name for ``verify``'s options; raises ``ValueError`` for those that are not known here."""
    only, as_json = "all", ""
    rest = list(arguments)
    while rest:
        option = rest.pop(0)
        if option == "--json":
            as_json = ".json"
        elif option == "--only":
            only = ",".join(sorted(rest.pop(0).split(",")))
        else:
            raise ValueError(option)
    if not only.replace(",", "").isalpha():
        raise ValueError(only)
    return f"verify-{only}{as_json}"


def _read(name: str) -> str:
    """Return a note's answer; raises ``ValueError`` when one of its inputs has changed."""
    with open(f"{CACHE}/{name}", encoding="utf-8", newline="") as file:  # noqa: PTH123
        head, _, body = file.read().partition("\n\n")
    version, *inputs = head.split("\n")
    if version != f"envctl {__version__}":
        raise ValueError(version)
    for line in inputs:
        if not holds(*line.split(" ", 2)):
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
    lease(environment)
    for folder in env["PATH"].split(":") if "/" not in argv[0] else [""]:
        path = f"{folder}/{argv[0]}" if folder else argv[0]
        if os.access(path, os.X_OK) and not os.path.isdir(path):  # noqa: PTH112
            os.execve(path, argv, env)


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
    fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    os.set_inheritable(descriptor, True)
