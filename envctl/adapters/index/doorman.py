"""Shows logins to the servers that ask for them: a handler for ``urllib``."""

from typing import IO
from urllib.request import BaseHandler, Request

from envctl.adapters.index.logins import Logins


class Doorman(BaseHandler):
    """Adds the login that is known for an address, after redirects too; at a refusal it asks the keyring, once.

    The header is one that ``urllib`` does not copy to the place where a redirect leads.
    """

    handler_order = 490  # before the one that gives up

    def __init__(self, logins: Logins) -> None:
        self._logins = logins

    def http_request(self, request: Request) -> Request:
        """Add what is known."""
        login = self._logins.known(request.full_url)
        if login and not request.has_header("Authorization"):
            request.add_unredirected_header("Authorization", login.header())
        return request

    https_request = http_request

    def http_error_401(
        self, request: Request, answer: IO[bytes], *_refusal: object
    ) -> IO[bytes] | None:
        """Ask the keyring and try again; ``None``: this refusal stands."""
        login = self._logins.ask(request.full_url)
        if login is None or request.get_header("Authorization") == login.header():
            return None
        answer.close()
        again = Request(  # noqa: S310  # the address that was opened already
            request.full_url, headers=dict(request.headers), method=request.get_method()
        )
        again.add_unredirected_header("Authorization", login.header())
        found: IO[bytes] = self.parent.open(again, timeout=request.timeout)
        return found

    http_error_403 = http_error_401
