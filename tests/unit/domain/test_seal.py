"""A text that knows whether it was changed."""

from hypothesis import given
from hypothesis import strategies as st

from envctl.domain import seal

TEXTS = st.text(st.characters(exclude_characters="\r"), max_size=30)


@given(before=TEXTS, after=TEXTS)
def test_what_was_sealed_is_intact_with_either_line_end(before: str, after: str) -> None:
    text = seal.sealed(f"{before}# {seal.BLANK}{after}")
    assert seal.BLANK not in text
    assert seal.intact(text)
    assert seal.intact(text.replace("\n", "\r\n"))


@given(before=TEXTS, after=TEXTS, data=st.data())
def test_any_change_breaks_it(before: str, after: str, data: st.DataObject) -> None:
    text = seal.sealed(f"{before}# {seal.BLANK}{after}")
    at = data.draw(st.integers(0, len(text)))
    more = data.draw(st.characters(exclude_characters="\r"))
    assert not seal.intact(text[:at] + more + text[at:])


def test_a_text_without_a_seal_is_nobodys() -> None:
    assert not seal.intact("")
    assert not seal.intact(f"# {seal.BLANK}\n")
