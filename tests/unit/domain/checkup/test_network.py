"""Proxies as variables name them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain.checkup.network import proxies
from envctl.domain.checkup.places import amount


@pytest.mark.parametrize(
    ("value", "address", "login", "scheme"),
    [
        ("http://proxy.example:3128", "proxy.example:3128", False, "http"),
        ("proxy.example:3128", "proxy.example:3128", False, "http"),
        ("http://me:pw@proxy.example:3128/", "proxy.example:3128", True, "http"),
        ("socks5h://proxy.example", "proxy.example", False, "socks5h"),
    ],
)
def test_a_proxy(value: str, address: str, login: bool, scheme: str) -> None:
    (found,) = proxies({"https_proxy": value})
    assert (found.address, found.login, found.scheme, found.problem) == (
        address,
        login,
        scheme,
        None,
    )
    assert found.variable == "https_proxy"


@pytest.mark.parametrize("value", ["http://", "http://host:port", "http://[::1", ":3128", "//"])
def test_what_is_no_address(value: str) -> None:
    (found,) = proxies({"HTTPS_PROXY": value})
    assert found.problem


@given(st.text())
def test_no_value_stops_it_and_no_login_is_kept(value: str) -> None:
    for found in proxies({"HTTPS_PROXY": f"http://planted:secret@{value}"}):
        assert "planted:secret" not in repr(found)


def test_sizes() -> None:
    sizes = (0, 1023, 1024, 5 << 20, 3 << 30, 5000 << 30)
    assert [amount(size) for size in sizes] == [
        *("0 B", "1023 B", "1 KiB", "5 MiB", "3.0 GiB", "5000.0 GiB"),
    ]
