"""The way to the network: proxies, CA bundles, the file of logins. Nothing is asked over it."""

from collections.abc import Iterator, Mapping

from envctl.domain.checkup.network import PROXIES, Bundle, Network, Proxy, proxies
from envctl.domain.diagnosis import Diagnosis
from envctl.usecases.doctoring.subject import Subject

_NAME = "network"
_SPOKEN = ("http", "https")


def look(subject: Subject) -> Iterator[Diagnosis]:
    """Look at the variables, then at the files that they name."""
    yield from _proxies(subject.environ)
    found = subject.checkup.network()
    yield from _bundles(found)
    if found.netrc:
        yield Diagnosis(check=_NAME, state="warn", message=found.netrc, mend=found.netrc_mend)


def _proxies(environ: Mapping[str, str]) -> Iterator[Diagnosis]:
    found = proxies(environ)
    if not found:
        yield Diagnosis(check=_NAME, state="ok", message="no proxy is named")
    for each in found:
        yield _proxy(each)
    for name in (*PROXIES, "NO_PROXY"):
        upper, lower = environ.get(name), environ.get(name.lower())
        if upper and lower and upper != lower:
            yield Diagnosis(
                check=_NAME,
                state="warn",
                message=f"{name} and {name.lower()} differ, and which one counts differs by tool",
                mend=f"`unset {name}`, or give both the same value",
            )


def _proxy(each: Proxy) -> Diagnosis:
    if each.problem:
        mend = f"correct {each.variable}, or `unset {each.variable}`"
        message = f"{each.variable} {each.problem}"
        return Diagnosis(check=_NAME, state="fail", message=message, mend=mend)
    login = " with a login" if each.login else ""
    message = f"{each.variable} names the proxy {each.address}{login}"
    if each.scheme in _SPOKEN:
        return Diagnosis(check=_NAME, state="ok", message=message)
    return Diagnosis(
        check=_NAME,
        state="warn",
        message=f"{message} that speaks {each.scheme}: uv can use it, envctl's own questions cannot",
        mend="name one that speaks http, if there is one",
    )


def _bundles(found: Network) -> Iterator[Diagnosis]:
    for each in found.bundles:
        if each.problem:
            yield Diagnosis(
                check=_NAME,
                state="fail",
                message=f"the CA bundle that {each.variable} names {each.problem}",
                mend=f"correct {each.variable}, or `unset {each.variable}`",
            )
    good = [each for each in found.bundles if not each.problem]
    if good:
        yield _agreed(good)
    elif not found.bundles:
        yield _system(found)


def _agreed(good: list[Bundle]) -> Diagnosis:
    """Judge the bundles that can be read: envctl takes the first, uv SSL_CERT_FILE where that is set."""
    names = ", ".join(each.variable for each in good)
    if len({each.real for each in good}) == 1:
        message = f"certificates are believed by the bundle at {good[0].real} ({names})"
        return Diagnosis(check=_NAME, state="ok", message=message)
    message = f"{names} name different CA bundles: envctl takes the first of them, uv SSL_CERT_FILE"
    mend = f"let all of them name the one with your company's CA: {good[0].real}"
    return Diagnosis(check=_NAME, state="warn", message=message, mend=mend)


def _system(found: Network) -> Diagnosis:
    if found.system:
        message = "certificates are believed as the system has it; no CA bundle is named"
        return Diagnosis(check=_NAME, state="ok", message=message)
    return Diagnosis(
        check=_NAME,
        state="warn",
        message="this system has no certificates, so no index with https:// can be believed",
        mend="`apt-get install ca-certificates`, or name a bundle in SSL_CERT_FILE",
    )
