"""Does each package index answer? Asked once, in a hurry, with the logins that are here; nothing is downloaded."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from envctl.adapters.checkup.patience import together
from envctl.adapters.index.client import IndexClient
from envctl.adapters.index.logins import Logins, without_login
from envctl.domain.checkup.indexes import IndexAnswer, IndexQuestion
from envctl.domain.indexes.mirrors import Transport
from envctl.errors import EnvctlError
from envctl.ports import Runner
from envctl.readers.index_page import ACCEPT

_SECONDS = 10.0
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_SILENT = "it did not answer within 10 seconds"
_NETWORK = (
    "check the network, the name server and the proxy; `envctl doctor --offline` leaves this out"
)


def ask(
    questions: Sequence[IndexQuestion],
    transport: Transport,
    environ: Mapping[str, str],
    run: Runner,
) -> tuple[IndexAnswer, ...]:
    """Ask all of them at once. A keyring is not asked: it may ask its user for a password."""
    logins = Logins(environ, transport)
    keyring = Logins(environ, transport, run=run).keyring
    client = IndexClient(environ, logins, hurried=True)
    calls = {str(n): partial(_ask, each, transport, client) for n, each in enumerate(questions)}
    found = together(calls, _SECONDS)
    return tuple(
        _answer(each, transport, logins, keyring=keyring, came=found[str(n)])
        for n, each in enumerate(questions)
    )


def _ask(question: IndexQuestion, transport: Transport, client: IndexClient) -> str:
    """Open the page and read nothing of it; an index that does not have it has answered as well."""
    place = without_login(transport.mirror(question.url) or question.url).rstrip("/")
    parts = urlsplit(place)
    if parts.scheme == "file":
        there = Path(url2pathname(unquote(parts.path))).is_dir()
        return "" if there else "there is no such folder"
    address = f"{place}/{question.page}/" if question.page else f"{place}/"
    with closing(client.file(address, {"Accept": ACCEPT}, "GET")):
        return ""


def _answer(
    question: IndexQuestion,
    transport: Transport,
    logins: Logins,
    *,
    keyring: bool,
    came: str | Exception | None,
) -> IndexAnswer:
    place = without_login(transport.mirror(question.url) or question.url)
    parts = urlsplit(place)
    problem, mend = came if isinstance(came, str) else _SILENT, _NETWORK
    if isinstance(came, EnvctlError):
        problem, mend = came.message, came.hint or _NETWORK
    elif isinstance(came, Exception):
        problem = f"it cannot be asked: {came}"
    return IndexAnswer(
        name=question.name,
        host=parts.netloc.rpartition("@")[2] or parts.scheme,
        problem=problem or None,
        mend=mend if problem else None,
        login=logins.known(place) is not None,
        keyring=keyring,
        mirrored=transport.mirror(question.url) is not None,
        bare=parts.scheme == "http" and parts.hostname not in _LOOPBACK,
    )
