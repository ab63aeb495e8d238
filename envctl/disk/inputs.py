"""What an answer rests on, each input as one word: for notes (``envctl.quick``). Standard library only."""

import os


def look(kind: str, name: str) -> str:
    """Return what an input is now, as one word; raises ``ValueError`` for a kind that is not known."""
    kinds = {
        "file": _file,
        "link": _link,
        "listing": _listing,
        "names": _names,
        "entries": _entries,
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


def _file(path: str) -> str:
    """Return a file's digest, ``-`` when there is none."""
    try:
        if os.stat(path).st_mode & 0o170000 == 0o010000:  # noqa: PTH116  # a pipe would be waited for
            raise ValueError(path)
        with open(path, "rb") as file:  # noqa: PTH123  # pathlib would be the largest import here
            return hashed(file.read())
    except (FileNotFoundError, NotADirectoryError):
        return "-"


def _listing(path: str) -> str:
    """Return a digest over the names of the installed packages' metadata folders."""
    names = sorted(name for name in os.listdir(path) if name.endswith(".dist-info"))  # noqa: PTH208
    return hashed(os.fsencode("\n".join(names)))


def _names(path: str) -> str:
    """Return a digest over the names of a folder's files, ``-`` when there is no such folder."""
    try:
        with os.scandir(path) as entries:
            found = sorted(entry.name for entry in entries if entry.is_file())
        return hashed(os.fsencode("\n".join(found)))
    except (FileNotFoundError, NotADirectoryError):
        return "-"


def _entries(path: str) -> str:
    """Return a digest over all names in a folder, ``-`` when nothing is there; raises ``OSError`` for no folder."""
    if not os.path.lexists(path):
        return "-"
    return hashed(os.fsencode("\n".join(sorted(os.listdir(path)))))  # noqa: PTH208


def _link(path: str) -> str:
    return hashed(os.fsencode(os.readlink(path)))  # noqa: PTH115


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
    return hashed(os.fsencode(os.environ[name])) if name in os.environ else "-"


def _variables(names: str) -> str:
    """Return a digest of variables: ``A,B?`` is the value of the one, and whether the other is set."""
    said = []
    for name in names.split(","):
        value = os.environ.get(name.rstrip("?"))
        said.append(str(value is not None) if name[-1:] == "?" else repr(value))
    return hashed("\0".join(said).encode(errors="surrogateescape"))


def _devices(_name: str) -> str:
    """Return a digest of what files tell of this machine; raises ``ValueError`` where a driver must be asked."""
    from envctl.disk import machine  # noqa: PLC0415  # for `verify` alone

    return hashed(machine.seen())


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
    return hashed(" ".join([*about[:1], *about[2:], libc or ""]).encode())


def hashed(content: bytes) -> str:
    """Return a digest of some bytes."""
    from _blake2 import blake2b  # noqa: PLC0415  # hashlib would load OpenSSL: 3 ms

    return blake2b(content, digest_size=20).hexdigest()
