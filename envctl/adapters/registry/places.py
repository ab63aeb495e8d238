"""Where a registry is reached: its own address, and for Docker Hub the engine's mirrors before it."""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from ssl import SSLContext, SSLError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    build_opener,
)

from envctl.adapters.index import transport as index_transport
from envctl.domain.image.reference import HUB
from envctl.errors import RegistryFailure

_HUB_API = "https://registry-1.docker.io"
# Where Docker, and then Podman, look for the certificates of one registry: HOST[:PORT]/*.crt.
_CERTIFICATES = ("etc/docker/certs.d", "etc/containers/certs.d")


def places(registry: str, mirrors: Iterable[str] = ()) -> Iterator[str]:
    """Yield the addresses to ask, in their order; plain http only on this machine itself."""
    if registry != HUB:
        yield f"https://{registry}"
        if loopback(registry):
            yield f"http://{registry}"
        return
    for mirror in mirrors:
        parts = urlsplit(mirror.rstrip("/"))
        if parts.scheme == "https" or (parts.scheme == "http" and loopback(parts.netloc)):
            yield parts.geturl()
    yield _HUB_API


def loopback(netloc: str) -> bool:
    """Whether a ``host[:port]`` is this machine itself, by its name or number: nothing is looked up."""
    try:
        host = urlsplit(f"//{netloc}").hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def opener(environ: Mapping[str, str], netloc: str) -> OpenerDirector:
    """Return what opens the addresses of one registry: proxies and CA bundle as for package indexes.

    No proxy is asked for this machine itself, as Docker does it. Raises ``RegistryFailure``, ``IndexFailure``.
    """
    context = index_transport.trust(environ)
    _add_certificates(context, netloc, Path(environ.get("ENVCTL_SYSROOT") or "/"))
    handlers = [HTTPSHandler(context=context), index_transport.NoDowngrade()]
    proxies = ProxyHandler({} if loopback(netloc) else _proxies(environ))
    return build_opener(proxies, *handlers)


def _proxies(environ: Mapping[str, str]) -> dict[str, str] | None:
    proxy = environ.get("PIP_PROXY")
    return {"http": proxy, "https": proxy} if proxy else None


def _add_certificates(context: SSLContext, netloc: str, sysroot: Path) -> None:
    for folder in _CERTIFICATES:
        for path in sorted((sysroot / folder / netloc).glob("*.crt")):
            try:
                context.load_verify_locations(cafile=path)
            except (OSError, SSLError) as error:
                raise RegistryFailure(
                    f"the certificates for `{netloc}` cannot be read: {error.strerror or error}",
                    where=str(path),
                    hint="correct that file",
                ) from error
