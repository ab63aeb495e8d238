"""What may be pasted into an issue."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain.checkup.redaction import Person, redacted, secrets

ALICE = Person(
    homes=("/home/alice", "/mnt/people/alice"),
    users=("alice",),
    hosts=("lab-17.corp.example", "lab-17"),
    secrets=("hunter2-hunter2",),
)
TOKEN = "ghp_" + "a1B2" * 9


@pytest.mark.parametrize(
    ("text", "fit"),
    [
        ("uv at /home/alice/.local/bin/uv", "uv at ~/.local/bin/uv"),
        ("a folder /home/alice-2/x", "a folder /home/USER/x"),
        ("another's /home/bob/x and /Users/carol/y", "another's /home/USER/x and /Users/USER/y"),
        ("/mnt/people/alice/p", "~/p"),
        ("/scratch/alice/p", "/scratch/USER/p"),
        ("/scratch/Alice_old/p", "/scratch/USER_old/p"),
        ("malice and alicent stay", "malice and alicent stay"),
        ("no name at lab-17.corp.example", "no name at HOST"),
        ("lab-17 and LAB-17:8080", "HOST and HOST:8080"),
        ("https://me:pw@host.example/simple/", "https://***@host.example/simple/"),
        ("https://me:p@w/x@host.example/simple/", "https://***@host.example/simple/"),
        ("https://token@host.example", "https://***@host.example"),
        ("me:pw@proxy.example:3128", "***@proxy.example:3128"),
        ("https://host.example/s?token=abc#x", "https://host.example/s?***"),
        (f"git said {TOKEN}!", "git said ***"),
        ("HF_TOKEN=abc and A=b", "HF_TOKEN=*** and A=b"),
        ("PGPASSWORD='a b c'", "PGPASSWORD=***"),
        ("write to alice.b@corp.example", "write to ***"),
        ("hunter2-hunter2", "***"),
        ("`sudo systemctl start docker`", "`sudo systemctl start docker`"),
        ('`resolver = "uv"` in [tool.envctl]', '`resolver = "uv"` in [tool.envctl]'),
    ],
)
def test_what_is_taken_out(text: str, fit: str) -> None:
    assert redacted(text, ALICE) == fit


@pytest.mark.parametrize("name", ["root", "docker", "ubuntu", "runner"])
def test_names_that_everyone_has_stay(name: str) -> None:
    text = f"`{name} images` as {name}"
    assert redacted(text, Person(users=(name,), hosts=(name,), homes=("/", ""))) == text


def test_secrets_of_the_environment() -> None:
    environ = {
        "GITHUB_TOKEN": "t0ken-t0ken",
        "UV_INDEX_TEAM_USERNAME": "serviceuser",
        "HTTPS_PROXY": "http://pete:p%40ss%2Fword@proxy.example:3128",
        "SHORT_KEY": "x",
        "UPLOAD_TOKEN": "true",
        "EDITOR": "vim-vim-vim",
    }
    found = secrets(environ)
    assert {"t0ken-t0ken", "serviceuser", "pete", "p%40ss%2Fword", "p@ss/word"} <= set(found)
    assert not {"x", "true", "vim-vim-vim"} & set(found)
    assert list(found) == sorted(found, key=lambda each: (-len(each), each))


_LETTERS = string.ascii_letters + string.digits
_SECRET = st.text(_LETTERS + "!$%^*_+=~.:/@#?-", min_size=6, max_size=30)
_NAME = st.text(string.ascii_lowercase, min_size=6, max_size=12).map(lambda text: f"qx{text}")
_AROUND = st.sampled_from(
    ["{}", "at {}: refused", "`{}`", "/data/{}/x", "'{}'", "({})", "https://{}@h.example/s"]
)


@given(secret=_SECRET, around=_AROUND)
def test_no_secret_of_a_variable_is_left(secret: str, around: str) -> None:
    person = Person(secrets=secrets({"SOME_TOKEN": secret}))
    marked = redacted(around.format(f"\x00{secret}\x00"), person)
    assert secret not in marked


@given(user=_NAME, host=_NAME, around=_AROUND)
def test_no_user_and_no_host_is_left(user: str, host: str, around: str) -> None:
    person = Person(homes=(f"/home/{user}",), users=(user,), hosts=(host, f"{host}.example"))
    for text in (user, host, f"{host}.example", f"/home/{user}/x", f"{user}-{host}"):
        found = redacted(around.format(text), person)
        assert user not in found
        assert host not in found


@given(before=st.text(), after=st.text())
def test_whatever_stands_around_a_name(before: str, after: str) -> None:
    found = redacted(f"{before} /home/alice/x lab-17 {after}", ALICE)
    assert " /home/alice" not in found
    assert "alice/x lab-17" not in found
