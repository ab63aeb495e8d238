"""The way to the network: proxies, CA bundles, the file of logins."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

BUNDLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
"""Where a CA bundle may be named; what envctl asks itself takes the first that is set."""

PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """A CA bundle that a variable names; ``real``: its path without links, ``problem``: why it cannot be used."""

    variable: str
    real: str
    problem: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Network:
    """The bundles in the order in which they count; whether the system has certificates; what is wrong with netrc."""

    bundles: tuple[Bundle, ...] = ()
    system: bool = True
    netrc: str | None = None
    netrc_mend: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Proxy:
    """A proxy that a variable names. The address is without login; ``login`` tells whether there was one."""

    variable: str
    address: str
    login: bool = field(default=False)
    scheme: str = "http"
    problem: str | None = None


def proxies(environ: Mapping[str, str]) -> tuple[Proxy, ...]:
    """Return the proxies that the variables name, each as it is spelled there."""
    names = ["PIP_PROXY", *(each for name in PROXIES for each in (name, name.lower()))]
    return tuple(_proxy(name, environ[name]) for name in names if environ.get(name))


def _proxy(variable: str, value: str) -> Proxy:
    text = value if "://" in value else f"http://{value}"
    try:
        parts = urlsplit(text)
        port = parts.port
        host = parts.hostname
    except ValueError:
        host, port, parts = None, None, urlsplit("http://")
    if not host:
        problem = "is no address such as http://proxy.example:3128"
        return Proxy(variable=variable, address="", problem=problem)
    address = f"{host}:{port}" if port else host
    login = "@" in parts.netloc
    return Proxy(variable=variable, address=address, login=login, scheme=parts.scheme.lower())
