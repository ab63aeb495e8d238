"""The commands of every moment, answered before anything is imported, where all agrees.

``verify``, a ``sync`` or ``lock`` with nothing to do, and ``run`` leave a note of what they answered and of every
input that the answer rests on, in ``.envctl/cache/``. Here the inputs are looked at again: when all are the same, so is
the answer. Anything else, a wrong or missing note included, is left to the full program: it costs time, never truth.

A note is text: a line with envctl's version, the Python that runs it and a digest of the note's name and of all that
follows; one line per input, ``KIND EXPECTED NAME`` (see ``envctl.disk.inputs``); an empty line; then the answer.
"""

import os
import sys

from envctl import __version__
from envctl.disk.inputs import hashed, look

CACHE = ".envctl/cache"
WIDTH = 80
"""Columns of a terminal for which an answer is kept."""
EVERY_LAYER = "environment,fleet,image,lock,machine,variables"


def answer(argv: list[str]) -> None:
    """Answer and leave the process if the note for this command line still holds; else return."""
    try:
        if argv[1:2] == ["verify"]:
            name = _verify_note(argv[2:])
            _say(name if name.endswith(".json") else name + _look(), sys.stdout)
        elif argv[1:] in (["sync"], ["lock"]):
            _say(argv[1], sys.stderr)
        elif argv[1:2] == ["run"]:
            from envctl import launch  # noqa: PLC0415  # for `run` alone

            launch.start(*launch.words(argv[2:]), _read("run"))
    except (
        OSError,
        ValueError,
        LookupError,
        ImportError,
        AttributeError,
    ):  # or a stream that is closed
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


def _head(name: str, rest: str) -> str:
    # The Python counts: `sync` takes the one that runs envctl, where it fits the project.
    python = ".".join(map(str, sys.version_info[:3]))
    return f"envctl {__version__} {python} {hashed(f'{name} {_installed()} {rest}'.encode())}"


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


def _look() -> str:
    """Return the ending of the note whose text looks as stdout wants it; raises ``ValueError`` for what is rare."""
    watched, wishes = sys.stdout.isatty(), ["FORCE_COLOR", "CLICOLOR_FORCE"]
    if watched:
        wishes += ["NO_COLOR", "CLICOLOR"]
    if any(os.environ.get(name) for name in wishes):
        raise ValueError(wishes)
    if not watched:
        return ""
    if os.environ.get("TERM") == "dumb" or os.get_terminal_size(1).columns < WIDTH:
        raise ValueError(WIDTH)
    return ".tty"


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
