"""Does each index of the project answer from here, and is there a login for it?"""

from collections.abc import Iterator

from packaging.pylock import Package

from envctl.domain.checkup.indexes import IndexAnswer, IndexQuestion
from envctl.domain.diagnosis import Diagnosis
from envctl.domain.indexes.mirrors import Transport
from envctl.domain.manifest import Index
from envctl.domain.profile import variants
from envctl.errors import EnvctlError
from envctl.usecases import load
from envctl.usecases.doctoring.subject import Subject

_NAME = "index"
_DEFAULT = "default"
# Every open index is asked for it by anybody, so that it tells nothing of the project.
_COMMON = "pip"
_OFF = ("", "0", "false", "no", "off")


def look(subject: Subject) -> Iterator[Diagnosis]:
    """Ask each index once."""
    if subject.offline:
        yield Diagnosis(check=_NAME, state="ok", message="no index was asked (`--offline`)")
        return
    if subject.environ.get("UV_OFFLINE", "").lower() not in _OFF:
        yield Diagnosis(
            check=_NAME,
            state="warn",
            message="no index was asked: UV_OFFLINE is set, so nothing that uv lacks can be fetched",
            mend="`unset UV_OFFLINE`",
        )
        return
    inside = subject.manifest() is not None
    transport = subject.transport() if inside else Transport()
    questions = _questions(subject, transport)
    for answer in subject.checkup.asked(questions, transport):
        yield _said(answer)


def _questions(subject: Subject, transport: Transport) -> tuple[IndexQuestion, ...]:
    indexes = list(transport.indexes)
    if all(
        index.packages for index in indexes
    ):  # then the resolvers' own is asked for all the rest
        indexes.append(Index(name=_DEFAULT, url=subject.default_index()))
    locked = _locked(subject)
    return tuple(
        IndexQuestion(name=each.name, url=each.url, page=_page(each, locked)) for each in indexes
    )


def _page(index: Index, locked: tuple[Package, ...]) -> str:
    """Choose whose page is asked for: no index may hear of a name that is another's."""
    own = index.url.rstrip("/")
    found = next((each for each in locked if (each.index or "").rstrip("/") == own), None)
    if found is not None:
        return str(found.name)
    if not index.packages:
        return _COMMON
    return next((name for name in index.packages if not set("*?[") & set(name)), "")


def _locked(subject: Subject) -> tuple[Package, ...]:
    """Return what the locks hold; one that cannot be read is another check's affair."""
    project, manifest = subject.project(), subject.manifest()
    if project is None or manifest is None:
        return ()
    found: list[Package] = []
    for each in variants(manifest):
        try:
            lock = load.lock(project, each.lock_name)
        except EnvctlError:
            continue
        found += lock.pylock.packages if lock else ()
    return tuple(found)


def _said(answer: IndexAnswer) -> Diagnosis:
    way = f"at {answer.host}" + (", this machine's mirror of it" if answer.mirrored else "")
    login = "there is a login for it" if answer.login else "no login for it is here"
    if answer.keyring and not answer.login:
        login += " (the keyring was not asked)"
    if answer.problem:
        message = f"`{answer.name}` {way}: {answer.problem}; {login}"
        return Diagnosis(check=_NAME, state="fail", message=message, mend=answer.mend)
    message = f"`{answer.name}` {way} answers; {login}"
    if answer.bare and answer.login:
        return Diagnosis(
            check=_NAME,
            state="warn",
            message=f"{message}, and it is sent unencrypted",
            mend="use its address with https:// in tool.envctl.index, or in the mirror's line",
        )
    return Diagnosis(check=_NAME, state="ok", message=message)
