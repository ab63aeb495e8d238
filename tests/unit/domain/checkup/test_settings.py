"""What of pip's and uv's settings is taken, and what each of the others is about."""

import pytest

from envctl.adapters.piptools import program as piptools
from envctl.adapters.uv import program as uv
from envctl.domain.checkup.settings import MEND, by_topic, dropped, said_otherwise, taken, topic


@pytest.mark.parametrize(
    ("key", "about"),
    [
        ("global.index-url", "index"),
        ("install.extra_index_url", "index"),
        ("pip.index-url", "index"),
        ("INDEX_URL", "index"),
        ("DEFAULT_INDEX", "index"),
        ("TORCH_BACKEND", "index"),
        ("global.constraint", "versions"),
        ("EXCLUDE_NEWER", "versions"),
        ("PRERELEASE", "versions"),
        ("PYTHON", "versions"),
        ("install.no-binary", "builds"),
        ("global.proxy", "transport"),
        ("global.cert", "transport"),
        ("NO_INPUT", None),
        ("DISABLE_PIP_VERSION_CHECK", None),
        ("list.format", None),
        ("", None),
    ],
)
def test_what_a_setting_is_about(key: str, about: str | None) -> None:
    assert topic(key) == about
    assert about is None or MEND[about]


def test_what_the_tools_are_given_is_what_is_called_taken() -> None:
    names = (
        *("UV_CACHE_DIR", "UV_HTTP_TIMEOUT", "UV_OFFLINE", "UV_LINK_MODE", "UV_CONCURRENT_BUILDS"),
        *("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_CONSTRAINT", "UV_PYTHON", "UV_NO_CONFIG"),
        *("PIP_CERT", "PIP_PROXY", "PIP_TIMEOUT", "PIP_INDEX_URL", "PIP_CONSTRAINT", "PIP_PRE"),
    )
    environ = dict.fromkeys(names, "mine")
    passed = {
        name
        for given in (uv.environment(environ), piptools.environment(environ, ()))
        for name, value in given.items()
        if name in names and value.endswith("mine")
    }
    assert set(taken(environ)) == passed
    assert {name for _, name in dropped(environ)} == set(names) - passed


def test_logins_are_neither_named_nor_dropped() -> None:
    environ = {"UV_INDEX_TEAM_USERNAME": "me", "UV_INDEX_TEAM_PASSWORD": "x", "PIP_PRE": ""}
    assert (taken(environ), list(dropped(environ))) == ((), [])


def test_names_by_topic() -> None:
    environ = {"UV_DEFAULT_INDEX": "x", "PIP_INDEX_URL": "x", "PIP_NO_INPUT": "1", "HOME": "x"}
    assert by_topic(dropped(environ)) == {
        "index": ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"),
        None: ("PIP_NO_INPUT",),
    }


def test_a_file_may_say_what_a_variable_says_as_well() -> None:
    assert said_otherwise("global.cert", {"SSL_CERT_FILE": "/x"})
    assert not said_otherwise("global.cert", {"SSL_CERT_FILE": ""})
    assert not said_otherwise("global.index-url", {"PIP_INDEX_URL": "x"})
