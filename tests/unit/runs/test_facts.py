"""What a description says, byte by byte as `json` would write it, and what it never says."""

import json
import os
from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from envctl.domain.runs.description import RunDescription, settled_text
from envctl.domain.runs.reading import from_json
from envctl.domain.variables import KNOWN, looks_secret
from envctl.runs import facts
from tests.unit.domain.made_runs import ANY, WHOLE

KINDS = " ".join(f"{name}={each.kind}" for name, each in KNOWN.items() if each.kind != "secret")


def about(*, kinds: str = KINDS, declared: Mapping[str, str] = {}, root: str = "/nowhere") -> str:
    return facts.pack(
        root=root,
        kinds=kinds,
        declared=facts.pairs(dict(declared)),
        machines="",
        settled=settled_text(WHOLE.lock, WHOLE.environment),
    )


def described(
    env: Mapping[str, str],
    *,
    hidden: frozenset[str] = frozenset(),
    declared: Mapping[str, str] = {},
) -> RunDescription:
    text = facts.text(about(declared=declared), dict(env), set(hidden), None, WHOLE.time)
    return from_json(json.loads(text))


def values(env: Mapping[str, str]) -> dict[str, str | None]:
    return {each.name: each.value for each in described(env).variables}


@given(st.text())
@example('"\\\x7f\x00é\U0001f600\udcff')
def test_a_text_is_quoted_as_json_does(text: str) -> None:
    assert facts.quoted(text) == json.dumps(text)


ENVIRON = st.dictionaries(
    st.sampled_from([*KNOWN, "HOME", "ZZ_OTHER"]), st.text(st.characters(exclude_characters="\0"))
)


@given(run=ANY, env=ENVIRON)
def test_it_is_laid_out_as_json_does(run: RunDescription, env: dict[str, str]) -> None:
    known = facts.pack(
        root="/nowhere",
        kinds=KINDS,
        declared="",
        machines="",
        settled=settled_text(run.lock, run.environment),
    )
    text = facts.text(known, env, set(), "an id", run.time)
    assert text == json.dumps(json.loads(text), indent=1) + "\n"
    assert text.isascii()
    found = from_json(json.loads(text))
    assert (found.lock, found.environment, found.time) == (run.lock, run.environment, run.time)
    assert json.loads(text) == found.to_json()


@pytest.mark.parametrize("root", ["/a b", "/a\x1fb\x1f", "/é", "/a\x1e=b"])
def test_the_folder_may_have_any_name(root: str) -> None:
    assert facts.root(about(root=root)) == root


SECRET_NAMES = (
    st.from_regex(
        r"[A-Z]{0,6}_?(TOKEN|SECRET|PASSWORD|PASSWD|APIKEY|CREDENTIALS|API_KEY|AUTH)[0-9]?",
        fullmatch=True,
    )
    .filter(looks_secret)
    .filter(lambda name: name not in KNOWN)
) | st.sampled_from([name for name, each in KNOWN.items() if each.kind == "secret"])
SECRET = "hunter2-3c8f1d"


@given(name=SECRET_NAMES, value=st.sampled_from([SECRET, f"x{SECRET}", f"'{SECRET}\n"]))
def test_no_secret_is_told_nor_named(name: str, value: str) -> None:
    text = facts.text(about(), {name: value, "PYTHONHASHSEED": "0"}, set(), None, WHOLE.time)
    assert SECRET not in text
    assert f'"{name}"' not in text


@given(name=st.sampled_from(sorted(KNOWN)))
def test_nothing_that_an_env_file_sets_is_told(name: str) -> None:
    text = facts.text(about(), {name: SECRET}, {name}, None, WHOLE.time)
    assert SECRET not in text


LOGINS = (
    "https://me:{}@host/x",
    "a,https://{}@host",
    "x://h/p y://me:{}@h",
    "https://me:{}@",
    "s3://{}@b?c",
    "https://ok/ https://me:{}@host:80/p#f",
)


@pytest.mark.parametrize("address", LOGINS)
def test_an_address_with_a_login_is_not_told(address: str) -> None:
    env = {"XLA_FLAGS": address.format(SECRET), "LD_LIBRARY_PATH": address.format(SECRET)}
    assert values(env) == {"XLA_FLAGS": None, "LD_LIBRARY_PATH": None}


@pytest.mark.parametrize("value", ["https://host/a@b", "a@b", "://", "x://h?to=a@b", "a:b@c"])
def test_an_address_without_one_is(value: str) -> None:
    assert values({"XLA_FLAGS": value}) == {"XLA_FLAGS": value}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("/home/me/lib:/opt/lib:/home/me", "~/lib:/opt/lib:~"),
        ("--dump=/home/me/x --to '/home/me'", "--dump=~/x --to '~'"),
        ("/home/me2:/mnt/home/me/x:/home/me.old", "/home/me2:/mnt/home/me/x:/home/me.old"),
        ("a/home/me/x:/home/me/home/me/x", "a/home/me/x:~/home/me/x"),
        ("", ""),
    ],
)
def test_the_home_folder_is_not_named(value: str, told: str) -> None:
    for home in ("/home/me", "/home/me/"):
        assert values({"LD_LIBRARY_PATH": value, "HOME": home}) == {"LD_LIBRARY_PATH": told}


@pytest.mark.parametrize("home", ["", "/", "//"])
def test_a_home_that_is_none_changes_nothing(home: str) -> None:
    assert values({"LD_LIBRARY_PATH": "/a:/b", "HOME": home}) == {"LD_LIBRARY_PATH": "/a:/b"}


def test_bytes_that_are_no_text_become_text() -> None:
    env = {"XLA_FLAGS": os.fsdecode(b"caf\xe9 \xc3\xa9")}
    assert values(env) == {"XLA_FLAGS": "caf\\udce9 é"}


def test_of_caches_only_that_they_are_set() -> None:
    assert values({"HF_HOME": "/home/me/hf"}) == {"HF_HOME": None}


def test_a_declared_variable_is_told_only_as_it_was_committed() -> None:
    declared = {"ZZ_EPOCHS": '1"0\n', "ZZ_URL": "https://a", "ZZ_GONE": "x"}
    env = {"ZZ_EPOCHS": '1"0\n', "ZZ_URL": f"https://a?sig={SECRET}", "ZZ_MINE": SECRET}
    found = described(env, declared=declared).variables
    assert [(each.name, each.kind, each.value) for each in found] == [
        ("ZZ_EPOCHS", "declared", '1"0\n'),
        ("ZZ_URL", "declared", None),
    ]
