"""What envctl writes in a file, between marker lines; what stands around it is the user's.

A file has one block, or two with room between them: in a Dockerfile, for a user's own stages. The first carries the
digest of all that envctl wrote, so that an edit is noticed without knowing what today's envctl would write there: a
newer envctl alone makes nothing stale.
"""

import hashlib
import re
from dataclasses import dataclass

from envctl.errors import ImageError

BEGIN = "# >>> envctl: generated, change pyproject.toml and run 'envctl dockerize' >>>"
AGAIN = "# >>> envctl, continued: generated as well; between the two, your own stages may stand >>>"
END = "# <<< envctl <<<"
CUT = "\f"
"""Among the lines that are to be written: here the second block begins. Never a line of a file."""
_BEGIN, _AGAIN, _END = BEGIN[:12], AGAIN[:23], END[:12]  # the rest may be worded anew one day
_DIGEST = "# block "
_CONFLICT = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A file with what envctl wrote in it: the user's text before, between and after, and the lines of both blocks.

    ``starts``: the numbers of the lines at which these three texts begin.
    """

    before: str
    lines: tuple[str, ...]
    after: str
    between: str = ""
    starts: tuple[int, int, int] = (1, 1, 1)

    @property
    def body(self) -> tuple[str, ...]:
        """The lines that the digest is about."""
        return tuple(line for line in self.lines if not line.startswith(_DIGEST))

    @property
    def conflict(self) -> bool:
        """Whether a merge left its markers inside."""
        return any(_is_conflict(line) for line in self.lines)

    @property
    def edited(self) -> bool:
        """Whether somebody (or a merge) changed the lines since envctl wrote them."""
        written = [line for line in self.lines if line.startswith(_DIGEST)]
        return written != [_DIGEST + digest("\n".join(self.body))]

    def value(self, key: str) -> str | None:
        """Return what a header line ``# key value`` says; of a conflict's two, the first."""
        return next(iter(self.values(key)), None)

    def values(self, key: str) -> tuple[str, ...]:
        """Return what each header line ``# key value`` says."""
        prefix = f"# {key} "
        return tuple(line.removeprefix(prefix) for line in self.lines if line.startswith(prefix))


def digest(text: str) -> str:
    """Return a text's digest, the same for Unix and Windows line ends."""
    return "sha256:" + hashlib.sha256(text.replace("\r\n", "\n").encode()).hexdigest()


def find(text: str, name: str) -> Block | None:
    """Return what envctl wrote in a file, if anything; raises ``ImageError`` when its markers are torn."""
    lines = _split(text)
    marks = [n for n, line in enumerate(lines) if line.startswith((_BEGIN, _END))]
    if not marks:
        return None
    kinds = "".join(_kind(lines[n]) for n in marks)
    first, last = marks[0], marks[-1]
    ours, room = lines[first + 1 : last], (first, first)
    if kinds == "[]+]":
        ours = lines[first + 1 : marks[1]] + lines[marks[2] + 1 : last]
        room = (marks[1] + 1, marks[2])
    block = Block(
        before="".join(lines[:first]),
        lines=tuple(line.rstrip("\r\n") for line in ours),
        between="".join(lines[slice(*room)]),
        after="".join(lines[last + 1 :]),
        starts=(1, room[0] + 1, last + 2),
    )
    # A merge may leave both sides' markers, and all between them is generated; without one, a user's lines
    # stand between two blocks.
    merged = kinds[0] == "[" and kinds[-1] == "]" and "+" not in kinds and block.conflict
    if kinds not in ("[]", "[]+]") and not merged:
        raise _torn(kinds, marks, name)
    return block


def _kind(line: str) -> str:
    return "]" if line.startswith(_END) else "+" if line.startswith(_AGAIN) else "["


def _torn(kinds: str, marks: list[int], name: str) -> ImageError:
    if kinds.count("[") > 1:
        where = f"{name}:{marks[kinds.rindex('[')] + 1}"
        return ImageError("there are two generated blocks", where=where, hint="remove one")
    missing = BEGIN if "[" not in kinds else AGAIN if kinds == "[]]" else END
    return ImageError(
        "one of the lines that mark what is generated is missing",
        where=f"{name}:{marks[0] + 1}",
        hint=f"put back `{missing}`",
    )


def text(lines: tuple[str, ...]) -> str:
    """Return what envctl writes into an empty file, markers and digest included."""
    first, second = _parts(lines)
    return first + ("\n" + second if second else "")


def put(lines: tuple[str, ...], into: Block | None, name: str) -> str:
    """Return the file's text with these lines as envctl's; raises ``ImageError`` on a user's merge conflict."""
    if into is None:
        return text(lines)
    settled(into, name)
    first, second = _parts(lines)
    return into.before + first + (into.between or ("\n" if second else "")) + second + into.after


def settled(block: Block, name: str) -> None:
    """Look at the user's text of a file; raises ``ImageError`` for a merge conflict there."""
    for number, part in zip(block.starts, (block.before, block.between, block.after), strict=True):
        _no_conflict(part, name, number)


def conflicts(text: str) -> bool:
    """Whether a merge left its markers in a text."""
    return any(_is_conflict(line) for line in _split(text))


def _parts(lines: tuple[str, ...]) -> tuple[str, str]:
    """Return both blocks' texts; the second is empty where nothing is cut."""
    cut = lines.index(CUT) if CUT in lines else len(lines)
    head, tail = lines[:cut], lines[cut + 1 :]
    own = "\n".join([BEGIN, _DIGEST + digest("\n".join([*head, *tail])), *head, END]) + "\n"
    return own, "\n".join([AGAIN, *tail, END]) + "\n" if tail else ""


def _no_conflict(part: str, name: str, first: int) -> None:
    for number, line in enumerate(_split(part), first):
        if _is_conflict(line):
            raise ImageError(
                "merge-conflict markers outside the generated block",
                where=f"{name}:{number}",
                hint="settle that conflict, then run `envctl dockerize`",
            )


def _split(text: str) -> list[str]:
    """Split as Docker does: ``splitlines`` would take a form feed or U+2028 in a value for a line end."""
    return [line for line in re.split(r"(?<=\n)", text) if line]


def _is_conflict(line: str) -> bool:
    mark = line[:7]
    return mark in _CONFLICT and (len(line) == 7 or line[7] in " \r\n")
