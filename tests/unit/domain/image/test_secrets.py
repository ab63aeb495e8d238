"""What looks like a secret, and what does not; a value is never part of what is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain.image import secrets

KEY = b"-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAwqa0Qy0C9m5rYV4lQm1nT0VwQ0J5bWdJ\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (KEY, "a private key"),
        (b"aws = AKIAIOSFODNN7EXAMPLE\n", "an AWS key"),
        (b"t=ghp_" + b"a1" * 18, "a GitHub token"),
        (b"hf_" + b"aB" * 17, "a Hugging Face token"),
        (b"index-url = https://me:hunter22@index.example/simple", "an address with a password"),
        (b"//registry.example/:_authToken=0123456789", "an npm token"),
    ],
)
def test_forms_of_secrets(content: bytes, said: str) -> None:
    assert [*secrets.in_bytes(b"\0some bytes\n" + content + b"\nmore")] == [said]


@pytest.mark.parametrize(
    "content",
    [
        b"-----BEGIN RSA PRIVATE KEY-----\n...\n",
        b"-----BEGIN CERTIFICATE-----\n" + b"A" * 60,
        b"https://index.example/simple https://${USER}:${PASSWORD}@index.example",
        b"pre_hf_functions and AKIA",
        b"//registry.example/:_authToken=${NPM_TOKEN}",
    ],
)
def test_what_only_speaks_of_secrets(content: bytes) -> None:
    assert [*secrets.in_bytes(content)] == []


@pytest.mark.parametrize(
    "path",
    [
        "root/.netrc",
        "app/.env",
        "app/.env.local",
        "home/me/.ssh/id_ed25519",
        "root/.docker/config.json",
        "run/secrets/netrc",
        "root/.cache/huggingface/token",
    ],
)
def test_names_of_secrets(path: str) -> None:
    assert secrets.in_name(path)


@pytest.mark.parametrize(
    "path", ["app/.env.example", "usr/lib/python3.11/netrc.py", "app/id_rsa.pub", "run/secrets"]
)
def test_names_of_other_things(path: str) -> None:
    assert secrets.in_name(path) is None


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("RUN |1 API_TOKEN=abcdefgh /bin/sh -c pip install x", ["the value of API_TOKEN"]),
        ('ENV DB_PASSWORD="two words"', ["the value of DB_PASSWORD"]),
        ("ENV GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D", []),
        ("RUN --mount=type=secret,id=netrc /bin/sh -c TOKEN=$(cat /run/secrets/t) make", []),
        ("ENV PATH=/opt/venv/bin PYTHONHASHSEED=0", []),
        ("ARG API_TOKEN=", []),
    ],
)
def test_what_a_step_gives_away(step: str, said: list[str]) -> None:
    assert [*secrets.in_history(step)] == said


@given(st.from_regex(r"[A-Za-z0-9]{12,40}", fullmatch=True))
def test_a_value_is_not_said(value: str) -> None:
    found = [*secrets.in_history(f"RUN |1 API_TOKEN={value} sh -c true")]
    assert found[:1] == ["the value of API_TOKEN"]
    assert all(value not in text for text in found)


@given(st.binary(max_size=2000))
def test_any_bytes_can_be_searched(content: bytes) -> None:
    assert all(isinstance(each, str) for each in secrets.in_bytes(content))
