"""Which index may be asked for a name: never two kinds at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from envctl.domain.indexes.routing import complete, served_by
from envctl.domain.manifest import Index

OPEN = Index(name="open", url="https://open.example/simple")
MORE = Index(name="more", url="https://more.example/simple")
PRIVATE = Index(name="private", url="https://private.example/simple", packages=("acme-*", "tool"))
STAGING = Index(name="staging", url="https://staging.example/simple", packages=("Acme.X.*",))
EVERY = (OPEN, PRIVATE, STAGING, MORE)


@pytest.mark.parametrize("name", ["acme-x", "Acme.X", "ACME__x", "acme-x-y", "tool", "Tool"])
def test_a_claimed_name_has_its_index(name: str) -> None:
    assert served_by((OPEN, PRIVATE, MORE), name) == (PRIVATE,)


@pytest.mark.parametrize("name", ["acme", "acmex", "x-acme-y", "tools", "a-tool"])
def test_others_have_the_open_ones_in_order(name: str) -> None:
    assert served_by(EVERY, name) == (OPEN, MORE)


def test_of_two_that_claim_a_name_the_closer_one_has_it() -> None:
    assert served_by(EVERY, "acme-x-y") == (STAGING,)
    assert served_by(EVERY, "acme-y") == (PRIVATE,)


def test_a_claim_without_an_open_index_leaves_the_rest_to_nobody() -> None:
    assert served_by((PRIVATE,), "numpy") == ()
    default = complete((PRIVATE,), "https://default.example/simple/")[-1]
    assert default.url == "https://default.example/simple"
    assert served_by(complete((PRIVATE,), default.url), "numpy") == (default,)
    assert complete(EVERY, default.url) == EVERY


def test_a_default_takes_nobodys_name() -> None:
    named = Index(name="default", url="https://x.example/simple", packages=("x",))
    assert len({index.name for index in complete((named,), OPEN.url)}) == 2


NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,8}[A-Za-z0-9])?", fullmatch=True)


@given(name=NAMES, patterns=st.lists(st.one_of(NAMES, NAMES.map("{}*".format)), max_size=4))
def test_nobody_is_asked_for_what_another_claims(name: str, patterns: list[str]) -> None:
    private = Index(name="private", url=PRIVATE.url, packages=tuple(patterns))
    indexes = (OPEN, *((private,) if patterns else ()))
    asked = served_by(indexes, name)
    assert asked == ((private,) if private.claim(canonicalize_name(name)) else (OPEN,))
    respelled = name.upper().replace("-", "_").replace(".", "-")
    assert served_by(indexes, respelled) == asked
