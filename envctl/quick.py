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
EVERY_LAYER = "environment,fleet,image,lock,machine,variables"


def answer(argv: list[str]) -> None:
    """Answer and leave the process if the note for this command line still holds; else return."""
    try:
        if argv[1:2] == ["verify"]:
            _say(_verify_note(argv[2:]), sys.stdout)
        elif argv[1:] in (["sync"], ["lock"]):
            _say(argv[1], sys.stderr)
        elif argv[1:2] == ["run"]:
            from envctl import launch  # noqa: PLC0415  # for `run` alone

            launch.start(*launch.words(argv[2:]), _read("run"))
    except (OSError, ValueError, LookupError, ImportError, AttributeError):  # or a stream that is closed
        if argv[1:2] == ["verify"] and "--full" in argv:
            _ahead(argv)


def _ahead(argv: list[str]) -> None:
    """Let the long work begin while the full program is being loaded."""
    wanted = "--only" not in argv or any("environment" in word for word in argv)
    try:
        if wanted and os.readlink(".venv").startswith(".envctl/envs/"):  # noqa: PTH115
            from envctl.disk import contents  # noqa: PLC0415

            contents.begin(".venv")
    except OSError:
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
    kinds = {
        "file": digest,
        "link": _link,
        "listing": listing,
        "names": names,
        "entries": entries,
        "stat": _stat,
        "variable": _variable,
        "tree": _tree,
        "bytes": _bytes,
        "machine": _machine,
        "here": _here,
        "until": _until,
        "since": _since,
        "variables": _variables,
        "devices": _devices,
    }
    if kind not in kinds:
        raise ValueError(kind)
    return kinds[kind](name)


def digest(path: str) -> str:
    """Return a file's digest, ``-`` when there is none."""
    try:
        if os.stat(path).st_mode & 0o170000 == 0o010000:  # noqa: PTH116  # a pipe would be waited for
            raise ValueError(path)
        with open(path, "rb") as file:  # noqa: PTH123  # pathlib would be the largest import here
            return _digest(file.read())
    except (FileNotFoundError, NotADirectoryError):
        return "-"


def listing(path: str) -> str:
    """Return a digest over the names of the installed packages' metadata folders."""
    names = sorted(name for name in os.listdir(path) if name.endswith(".dist-info"))  # noqa: PTH208
    return _digest(os.fsencode("\n".join(names)))


def names(path: str) -> str:
    """Return a digest over the names of a folder's files, ``-`` when there is no such folder."""
    try:
        with os.scandir(path) as entries:
            found = sorted(entry.name for entry in entries if entry.is_file())
        return _digest(os.fsencode("\n".join(found)))
    except (FileNotFoundError, NotADirectoryError):
        return "-"


def entries(path: str) -> str:
    """Return a digest over all names in a folder, ``-`` when nothing is there; raises ``OSError`` for no folder."""
    if not os.path.lexists(path):
        return "-"
    return _digest(os.fsencode("\n".join(sorted(os.listdir(path)))))  # noqa: PTH208


def _link(path: str) -> str:
    return _digest(os.fsencode(os.readlink(path)))  # noqa: PTH115


def _here(path: str) -> str:
    """Tell a project from a copy of it, which has a copy of its notes."""
    return "yes" if os.getcwd() == path else "no"  # noqa: PTH109


def _until(day: str) -> str:
    """Whether that day (UTC) is not over yet: what tables say of support ends some day."""
    import time  # noqa: PLC0415  # for `verify` alone

    return "yes" if time.strftime("%Y-%m-%d", time.gmtime()) <= day else "no"


def _since(day: str) -> str:
    """Whether that day (UTC) has begun: a clock may be set back."""
    import time  # noqa: PLC0415

    return "yes" if day <= time.strftime("%Y-%m-%d", time.gmtime()) else "no"


def _stat(path: str) -> str:
    """Look at a large file that nobody edits in place, an interpreter; times can be set, but not that of the inode."""
    found = os.stat(path)  # noqa: PTH116
    return f"{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}:{found.st_ino}"


def _variable(name: str) -> str:
    return _digest(os.fsencode(os.environ[name])) if name in os.environ else "-"


def _variables(names: str) -> str:
    """Return a digest of variables: ``A,B?`` is the value of the one, and whether the other is set."""
    said = []
    for name in names.split(","):
        value = os.environ.get(name.rstrip("?"))
        said.append(str(value is not None) if name[-1:] == "?" else repr(value))
    return _digest("\0".join(said).encode(errors="surrogateescape"))


def _devices(_name: str) -> str:
    """Return a digest of what files tell of this machine; raises ``ValueError`` where a driver must be asked."""
    from envctl.disk import machine  # noqa: PLC0415  # for `verify` alone

    return _digest(machine.seen())


def _tree(path: str) -> str:
    """Return a digest over every file of an environment by its size and time."""
    from envctl.disk import tree  # noqa: PLC0415  # for `verify` alone

    return tree.digest(tree.walk(path))


def _bytes(path: str) -> str:
    """Return a digest over every byte of an environment; it is kept, should the answer be another than before."""
    from envctl.disk import contents  # noqa: PLC0415

    contents.begin(path)
    return contents.digest(*contents.every_byte(path))


def _machine(_name: str) -> str:
    """Return a digest of what markers and tags ask of a machine: a home folder may be on several."""
    about = os.uname()
    libc = os.confstr("CS_GNU_LIBC_VERSION") if "CS_GNU_LIBC_VERSION" in os.confstr_names else ""
    return _digest(" ".join([*about[:1], *about[2:], libc or ""]).encode())


def _digest(content: bytes) -> str:
    from _blake2 import blake2b  # noqa: PLC0415  # hashlib would load OpenSSL: 3 ms

    return blake2b(content, digest_size=20).hexdigest()


def _head(name: str, rest: str) -> str:
    # The Python counts: `sync` takes the one that runs envctl, where it fits the project.
    python = ".".join(map(str, sys.version_info[:3]))
    return f"envctl {__version__} {python} {_digest(f'{name} {_installed()} {rest}'.encode())}"


def _installed() -> str:
    """Tell one installation from the next: a clone is installed anew under the same version."""
    found = os.stat(__file__)  # noqa: PTH116
    return f"{found.st_ino}:{found.st_mtime_ns}"


def _verify_note(arguments: list[str]) -> str:
    """Return the note's name for ``verify``'s options; raises ``ValueError`` for those that are not known here."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        raise ValueError(arguments)  # warnings become annotations there
    only, full, as_json = "", "", ""
    if "--only" not in arguments:
        only = EVERY_LAYER
    rest = list(arguments)
    while rest:
        option = rest.pop(0)
        if option == "--json":
            as_json = ".json"
        elif option == "--full":
            full = ".full"
        elif option == "--only" and not only:  # two of them add up: that is for the full program
            only = ",".join(sorted(rest.pop(0).split(",")))
        else:
            raise ValueError(option)
    if not (only.isascii() and only.islower() and only.replace(",", "").isalpha()):
        raise ValueError(only)
    return f"verify-{only}{full}{as_json}"


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
