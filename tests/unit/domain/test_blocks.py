"""What envctl writes between marker lines: a user's lines around it survive, and edits inside are noticed."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from envctl.domain import blocks
from envctl.errors import ImageError

# A user's own text: any lines, also without an end, with Windows' ends, and with what only looks like a line end.
_LINE = st.text(st.sampled_from("RUN #<>=\\'\"$\t\x0c\u2028é"), max_size=12).filter(
    lambda t: (
        not t.startswith(("# >>> envctl", "# <<< envctl"))
        and t[:7] not in ("<<<<<<<", "=======", ">>>>>>>", "|||||||")
    )
)
_TEXT = st.lists(st.tuples(_LINE, st.sampled_from(["\n", "\r\n"]))).map(
    lambda lines: "".join(line + end for line, end in lines)
)
_OURS = st.lists(_LINE.filter(lambda t: t != blocks.CUT), max_size=5).map(tuple)


@given(before=_TEXT, between=_TEXT, after=_TEXT, last=_LINE, head=_OURS, tail=_OURS)
def test_a_user_s_lines_survive_a_renewal(
    before: str,
    between: str,
    after: str,
    last: str,
    head: tuple[str, ...],
    tail: tuple[str, ...],
) -> None:
    assume(tail)
    written = blocks.text(("FROM a", *head, blocks.CUT, *tail))
    first, gap, second = written.partition(f"{blocks.END}\n\n{blocks.AGAIN}\n")
    assert gap
    mine = f"{before}{first}{blocks.END}\n{between}{blocks.AGAIN}\n{second}{after}{last}"
    found = blocks.find(mine, "Dockerfile")
    assert found is not None
    assert (found.before, found.between, found.after) == (before, between, after + last)
    assert not found.edited
    again = blocks.put(("FROM b", blocks.CUT, *tail), found, "Dockerfile")
    assert blocks.put(("FROM b", blocks.CUT, *tail), found, "Dockerfile") == again
    renewed = blocks.find(again, "Dockerfile")
    assert renewed is not None
    assert (renewed.before, renewed.after) == (before, after + last)
    assert renewed.between == (between or "\n")
    assert renewed.lines[1:] == ("FROM b", *tail)


LINES = ("# python 3.11", "FROM a AS base", blocks.CUT, "FROM base", "CMD []")
TEXT = blocks.text(LINES)


def find(text: str) -> blocks.Block:
    found = blocks.find(text, "Dockerfile")
    assert found is not None
    return found


@pytest.mark.parametrize("old", ["FROM a AS base", "FROM base\n", "CMD []", "# python 3.11"])
def test_an_edit_in_either_block_is_noticed(old: str) -> None:
    assert not find(TEXT).edited
    assert find(TEXT.replace(old, old + " ")).edited
    assert find(TEXT.replace(old, f"RUN id\n{old}")).edited
    assert find(TEXT.replace(old, "")).edited


def test_a_file_with_one_block_is_read_as_ever() -> None:
    old = blocks.text(tuple(line for line in LINES if line != blocks.CUT))
    assert blocks.AGAIN not in old
    found = find(f"# mine\n{old}RUN id\n")
    assert (found.edited, found.between, found.after) == (False, "", "RUN id\n")
    renewed = blocks.put(LINES, found, "Dockerfile")
    assert renewed == f"# mine\n{TEXT}RUN id\n"


@pytest.mark.parametrize(
    ("text", "where", "hint"),
    [
        (TEXT.replace(blocks.END + "\n", "", 1), "Dockerfile:1", blocks.END),
        (TEXT.removesuffix(blocks.END + "\n"), "Dockerfile:1", blocks.END),
        (TEXT.replace(blocks.AGAIN + "\n", ""), "Dockerfile:1", blocks.AGAIN),
        (TEXT.replace(blocks.BEGIN + "\n", ""), "Dockerfile:4", blocks.BEGIN),
        (TEXT + "\n" + TEXT, "Dockerfile:12", "remove one"),
        (TEXT + blocks.END + "\n", "Dockerfile:1", blocks.END),
    ],
)
def test_torn_markers_are_for_a_person_to_mend(text: str, where: str, hint: str) -> None:
    with pytest.raises(ImageError) as caught:
        blocks.find(text, "Dockerfile")
    assert caught.value.where == where
    assert hint in (caught.value.hint or "")


CONFLICT = "<<<<<<< ours\nRUN a\n=======\nRUN b\n>>>>>>> theirs\n"


@pytest.mark.parametrize(
    ("before", "between", "after", "line"),
    [(CONFLICT, "", "", 1), ("", CONFLICT, "", 6), ("# x\n", "# y\n", CONFLICT, 12)],
)
def test_a_user_s_conflict_is_the_user_s(before: str, between: str, after: str, line: int) -> None:
    first, gap, second = TEXT.partition(blocks.AGAIN)
    text = before + first.removesuffix("\n") + between + gap + second + after
    with pytest.raises(ImageError) as caught:
        blocks.put(LINES, find(text), "Dockerfile")
    assert caught.value.where == f"Dockerfile:{line}"


def test_a_conflict_inside_is_written_anew_and_the_room_between_kept() -> None:
    first, gap, second = TEXT.partition(blocks.AGAIN)
    conflict = "<<<<<<< ours\n# python 3.11\n=======\n# python 3.12\n>>>>>>> theirs\n"
    text = first.replace("# python 3.11\n", conflict) + "FROM x AS mine\n" + gap + second
    found = find(text)
    assert (found.conflict, found.edited, found.between) == (True, True, "\nFROM x AS mine\n")
    assert blocks.put(LINES, found, "Dockerfile") == first + "FROM x AS mine\n" + gap + second
