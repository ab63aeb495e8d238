"""What a build is given of this machine: no more than it asks for, and nobody else may read it."""

import netrc
import stat
from pathlib import Path

import pytest

from envctl.adapters.build_secrets import secrets
from envctl.adapters.index.logins import Logins
from envctl.domain.image.order import Secret
from envctl.errors import ImageError

URLS = ("https://index.example/simple", "https://files.example/x.whl")


def given(tmp_path: Path, asked: set[str], **environ: str) -> dict[str, Secret]:
    found = secrets(asked, URLS, environ=environ, logins=Logins(environ), workspace=tmp_path)
    return {secret.name: secret for secret in found}


def test_only_the_logins_of_the_project_s_indexes_are_given(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".netrc").write_text(
        'machine index.example login me password "a b\\"c"\n'
        "machine other.example login me password private\n"
    )
    found = given(tmp_path, {"netrc"}, HOME=str(home))
    path = found["netrc"].path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert netrc.netrc(str(path)).hosts == {"index.example": ("me", "", 'a b"c')}


def test_no_login_no_file(tmp_path: Path) -> None:
    assert given(tmp_path, {"netrc"}, HOME=str(tmp_path)) == {}


def test_the_bundle_that_is_named_is_given(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("certificates")
    assert given(tmp_path, {"ca"}, SSL_CERT_FILE=str(bundle))["ca"].path == bundle
    assert given(tmp_path, set(), SSL_CERT_FILE=str(bundle)) == {}


def test_a_bundle_that_cannot_be_given_is_said(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="there is no CA bundle"):
        given(tmp_path, {"ca"}, SSL_CERT_FILE=str(tmp_path / "none"))
    large = tmp_path / "large"
    large.write_bytes(b"x" * (501 << 10))
    with pytest.raises(ImageError, match="too large for a build"):
        given(tmp_path, {"ca"}, SSL_CERT_FILE=str(large))
