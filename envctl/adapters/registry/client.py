"""Asks a registry what an image is: its digest, platforms, labels and variables (OCI distribution-spec 1.1)."""

import hashlib
import http.client
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import OpenerDirector, Request

from envctl.adapters.index import transport as index_transport
from envctl.adapters.registry import access
from envctl.adapters.registry.failures import failure
from envctl.adapters.registry.logins import Credentials, RegistryLogins
from envctl.adapters.registry.places import opener, places
from envctl.adapters.registry.within import within
from envctl.domain.image.described import Described
from envctl.domain.image.reference import HUB, Reference, parse_reference
from envctl.errors import RegistryFailure
from envctl.ports import Runner
from envctl.readers import oci

_ACCEPT = ", ".join((*oci.INDEXES, *oci.MANIFESTS))
_LARGEST = (
    4 << 20
)  # bytes; what registries themselves refuse above (distribution-spec, "Pushing Manifests")
_SILENCE = 10.0  # seconds without a byte
_WHOLE = 20.0  # seconds for one document; a host with many addresses is tried for _SILENCE at each
_PREFERRED = "linux/amd64"


class RegistryClient:
    """Asks registries; nothing is pulled, and no engine is needed.

    ``mirrors`` gives the addresses that stand in for Docker Hub here; it is called only when that is asked.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        run: Runner | None = None,
        mirrors: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self._environ = environ
        self._mirrors = mirrors
        self._logins = RegistryLogins(environ, run=run)
        self._known: dict[tuple[str, str], str] = {}
        self._ways: dict[str, OpenerDirector] = {}

    def described(self, reference: str, platform: str | None = None) -> Described | None:
        """Return what the registry says of an image; ``None``: it has none of that name, tag or digest.

        Labels, variables and the like are of ``platform`` (``linux/arm64``), else of linux/amd64, else of the first.
        Raises ``ImageError`` for what is no name, ``RegistryFailure`` when nobody answers or the answer is no image.
        """
        asked = parse_reference(reference)
        mirrors = self._mirrors() if asked.registry == HUB else ()
        last: RegistryFailure | None = None
        for place in places(asked.registry, mirrors):
            try:
                if found := _Repository(self, place, asked).described(platform):
                    return found
                last = None  # it has answered
            except RegistryFailure as error:
                last = error
            if asked.registry != HUB and not (last and _plain(last)):
                break  # http is only for who does not speak https
        if last:
            raise last
        return None

    def fetch(self, place: str, asked: Reference, path: str) -> bytes | None:
        """Return a document of a repository; ``None``: it has none. Raises ``RegistryFailure``."""
        shown: list[Credentials] = []
        try:
            return self._fetch(place, asked, path, shown)
        except HTTPError as error:
            error.close()
            if error.code == 404:
                return None
            cause: Exception = error
        except (OSError, http.client.HTTPException, ValueError) as error:
            cause = error
        helper = self._logins.unanswered
        raise failure(cause, place, str(asked), logged_in=bool(shown), helper=helper) from cause

    def _fetch(self, place: str, asked: Reference, path: str, shown: list[Credentials]) -> bytes:
        parts = urlsplit(place)
        root = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        address = f"{root}/v2/{asked.repository}/{path}"
        key = (root, asked.repository)
        try:
            return self._send(_request(address, self._known.get(key)))
        except HTTPError as error:
            challenge = access.read_challenge(error.headers.get_all("WWW-Authenticate") or ())
            if error.code != 401 or challenge is None:
                raise
            error.close()  # it holds the connection
            credentials = _own(place) or self._logins.of(_account(place, asked))
            shown += [credentials] if credentials else []
            scope = f"repository:{asked.repository}:pull"
            header = access.authorization(
                challenge, credentials, place=root, scope=scope, send=self._send
            )
            if header is None:
                raise
        self._known[key] = header
        return self._send(_request(address, header))

    def _send(self, request: Request) -> bytes:
        netloc = urlsplit(request.full_url).netloc
        if netloc not in self._ways:
            self._ways[netloc] = opener(self._environ, netloc)
        way = self._ways[netloc]

        def ask() -> bytes:
            with way.open(request, timeout=_SILENCE) as answer:
                return b"".join(index_transport.chunks(answer, _WHOLE, _LARGEST))

        return within(_WHOLE, ask)


class _Repository:
    """One repository at one place."""

    def __init__(self, client: RegistryClient, place: str, asked: Reference) -> None:
        self._client, self._place, self._asked = client, place, asked

    def described(self, platform: str | None) -> Described | None:
        data = self._document(f"manifests/{self._asked.asked}", self._asked.digest)
        if data is None:
            return None
        digest = _digest(data)
        try:
            found = oci.read_manifest(data)
            if isinstance(found, oci.Manifest):
                return self._one(digest, found)
            every = tuple(sorted(found))
            chosen = _chosen(every, platform)
            whole = Described(reference=str(self._asked), digest=digest, platforms=every)
            if chosen is None:
                return whole
            own = oci.read_manifest(self._required(f"manifests/{found[chosen]}", found[chosen]))
            if not isinstance(own, oci.Manifest):
                raise ValueError("its index leads to another index")  # noqa: TRY301, TRY004
            return replace(self._one(digest, own), platforms=every, platform=chosen)
        except ValueError as error:
            raise self._odd(str(error)) from error

    def _one(self, digest: str, manifest: oci.Manifest) -> Described:
        path = f"blobs/{manifest.configuration}"
        found = oci.read_configuration(self._required(path, manifest.configuration))
        return Described(
            reference=str(self._asked),
            digest=digest,
            platforms=(found.platform,),
            platform=found.platform,
            labels=found.labels,
            env=found.env,
            user=found.user,
            created=found.created,
            history=found.history,
            size=manifest.size,
            identity=manifest.configuration,
            layers=found.layers,
        )

    def _required(self, path: str, digest: str) -> bytes:
        data = self._document(path, digest)
        if data is None:
            raise self._odd("a part of the image is not there")
        return data

    def _document(self, path: str, digest: str | None) -> bytes | None:
        """Fetch, and believe only what has the digest that was asked for."""
        data = self._client.fetch(self._place, self._asked, path)
        if data is not None and digest and _digest(data) != digest:
            raise self._odd("it is not what its digest says")
        return data

    def _odd(self, what: str) -> RegistryFailure:
        host = urlsplit(self._place).netloc.rpartition("@")[2]
        return RegistryFailure(
            f"the registry {host} serves no image there: {what}",
            where=str(self._asked),
            hint="check the name; behind a proxy, look at the address in a browser",
        )


def _chosen(every: tuple[str, ...], platform: str | None) -> str | None:
    """Return the platform to look at; one that is asked for without its variant may have any."""
    wanted = platform or _PREFERRED
    fits = [each for each in every if each == wanted or each.startswith(f"{wanted}/")]
    return next(iter(fits), None if platform else next(iter(every), None))


def _request(address: str, header: str | None) -> Request:
    request = Request(address, headers={"Accept": _ACCEPT, "User-Agent": "envctl"})  # noqa: S310  # see places
    if header:  # of those that urllib does not copy to where a redirect leads
        request.add_unredirected_header("Authorization", header)
    return request


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _own(place: str) -> Credentials | None:
    """Return the login that a mirror's own address holds."""
    parts = urlsplit(place)
    if not parts.username:
        return None
    return Credentials(user=unquote(parts.username), password=unquote(parts.password or ""))


def _account(place: str, asked: Reference) -> str:
    """Return whose login is shown there: a mirror is not Docker Hub."""
    host = urlsplit(place).netloc.rpartition("@")[2]
    return HUB if asked.registry == HUB and not _is_mirror(place) else host


def _is_mirror(place: str) -> bool:
    return place != next(iter(places(HUB)))


def _plain(error: RegistryFailure) -> bool:
    """Whether who was asked by https does not speak it: no matter of certificates."""
    cause = error.__cause__
    reason = cause.reason if isinstance(cause, URLError) else cause
    return isinstance(reason, (ssl.SSLError, ConnectionError)) and not isinstance(
        reason, ssl.SSLCertVerificationError
    )
