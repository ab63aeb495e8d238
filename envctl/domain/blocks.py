"""The part of a file that envctl writes, between two marker lines; what stands around it is the user's.

The block carries the digest of its own text, so that an edit inside it is noticed without knowing what today's
envctl would write there: a newer envctl alone makes nothing stale.
"""

import hashlib
import re
from dataclasses import dataclass

from envctl.errors import ImageError

BEGIN = "# >>> envctl: generated, change pyproject.toml and run 'envctl dockerize' >>>"
END = "# <<< envctl <<<"
_BEGIN, _END = BEGIN[:12], END[:12]  # the rest of the line may be worded anew one day
_DIGEST = "# block "
_CONFLICT = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A file with a block in it: the user's text before and after, and the lines between the markers."""

    before: str
    lines: tuple[str, ...]
    after: str

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
    """Return the block in a file, if there is one; raises ``ImageError`` when its markers are torn."""
    lines = _split(text)
    begins = [n for n, line in enumerate(lines) if line.startswith(_BEGIN)]
    ends = [n for n, line in enumerate(lines) if line.startswith(_END)]
    if not begins and not ends:
        return None
    if not begins or not ends or begins[0] > ends[-1]:
        raise ImageError(
            "one of the two lines that mark the generated block is missing",
            where=f"{name}:{(begins or ends)[0] + 1}",
            hint=f"put back `{BEGIN}` or `{END}`",
        )
    inner = tuple(line.rstrip("\r\n") for line in lines[begins[0] + 1 : ends[-1]])
    block = Block(
        before="".join(lines[: begins[0]]), lines=inner, after="".join(lines[ends[-1] + 1 :])
    )
    # A merge may leave both sides' markers, and all between them is generated; without one, a user's lines
    # stand between two blocks.
    if (len(begins) > 1 or len(ends) > 1) and not block.conflict:
        raise ImageError(
            "there are two generated blocks", where=f"{name}:{begins[-1] + 1}", hint="remove one"
        )
    return block


def text(lines: tuple[str, ...]) -> str:
    """Return a block's text, markers and digest included."""
    return "\n".join([BEGIN, _DIGEST + digest("\n".join(lines)), *lines, END]) + "\n"


def put(lines: tuple[str, ...], into: Block | None, name: str) -> str:
    """Return the file's text with these lines as its block; raises ``ImageError`` on a user's merge conflict."""
    if into is None:
        return text(lines)
    _no_conflict(into.before, name, 1)
    _no_conflict(into.after, name, (into.before.count("\n") + len(into.lines) + 3))
    return into.before + text(lines) + into.after


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
