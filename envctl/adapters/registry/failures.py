"""What went wrong with a registry, in plain words. No word of a login is in them."""

import http.client
import socket
import ssl
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from envctl.errors import RegistryFailure

_NETWORK = "check the network, the proxy and the CA bundle (SSL_CERT_FILE), then run it again"
_LATER = "run it again later, or ask whoever runs the registry"


def failure(
    error: Exception, place: str, reference: str, *, logged_in: bool, helper: str | None = None
) -> RegistryFailure:
    """Turn what was raised into one clear error; ``logged_in``: a login was shown; ``helper``: one that is missing."""
    host = urlsplit(place).netloc.rpartition("@")[2]
    if isinstance(error, HTTPError):
        message, hint = _refusal(error, host, logged_in=logged_in, helper=helper)
    else:
        reason, hint = _reason(error.reason if isinstance(error, URLError) else error, host)
        message = f"the registry {host} cannot be asked: {reason}"
    return RegistryFailure(message, where=reference, hint=hint, details=type(error).__name__)


def _refusal(
    error: HTTPError, host: str, *, logged_in: bool, helper: str | None
) -> tuple[str, str]:
    login = f"run `docker login {host}`, and check the image's name"
    if error.code in (401, 403):
        if helper:
            return (
                f"the registry {host} asks for a login, and `{helper}` could not give one",
                f"install `{helper}`, or take it out of docker's config.json",
            )
        what = "refuses the login that docker has for it" if logged_in else "asks for a login"
        return f"the registry {host} {what} ({error.code})", login
    if error.code == 407:
        return "the proxy asks for a login (407)", "put it into the proxy's variable"
    if error.code == 429:
        return f"the registry {host} has answered too often for now (429)", f"{login}, or wait"
    return f"the registry {host} answered {error.code} {error.reason}", _LATER


def _reason(cause: object, host: str) -> tuple[str, str]:
    found = str(cause) or type(cause).__name__, _LATER
    match cause:
        case ssl.SSLCertVerificationError():
            hint = (
                "name your company's CA bundle in SSL_CERT_FILE, or put its certificate into "
                f"/etc/docker/certs.d/{host}/"
            )
            found = f"its certificate is not trusted ({cause.verify_message})", hint
        case ssl.SSLError():
            found = "it does not speak https, and http is only for this machine itself", _LATER
        case socket.gaierror():
            found = "there is no such host", f"check its name; {_NETWORK}"
        case TimeoutError():
            found = "it took too long to answer", _NETWORK
        case http.client.IncompleteRead():
            found = "its answer was cut off", "run it again"
        case http.client.RemoteDisconnected():
            found = "it hung up without an answer", _NETWORK
        case OSError():
            found = cause.strerror or str(cause), _NETWORK
        case _:
            pass
    return found
