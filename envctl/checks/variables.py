"""Do the variables that matter have the declared values, in the shell that ``verify`` runs in?"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from envctl.domain.finding import Finding, Severity
from envctl.domain.finding.codes import Code
from envctl.domain.record import Record
from envctl.domain.variables import (
    SCHEDULER_VARIABLES,
    Variable,
    classify,
    holds_login,
    observed,
    scheduler,
)


def check(
    declared: Mapping[str, str],
    environ: Mapping[str, str],
    *,
    local: Mapping[str, str],
    hidden: Collection[str] | None,
    active: bool,
    record: Record | None,
) -> Iterator[Finding]:
    """Yield what differs; ``active``: the project's environment is activated in this shell.

    A declared variable that is unset is only worth a note where nothing was activated: every way in sets it.
    ``local``: what this machine's own file has instead of the declared values. ``hidden``: the names in its
    ``env-file``, of whose values nothing is said; ``None``: they are not known, and nothing is said of any value.
    """
    found = _differences(
        declared, environ, local=local, hidden=hidden, active=active, record=record
    )
    yield from (_redacted(each, all_of_it=hidden is None) for each in found)


def _redacted(found: Finding, *, all_of_it: bool) -> Finding:
    texts = (found.expected or "", found.actual or "")
    if all_of_it or any(holds_login(text) for text in texts):
        return replace(found, expected=None, actual=None)
    return found


def _differences(
    declared: Mapping[str, str],
    environ: Mapping[str, str],
    *,
    local: Mapping[str, str],
    hidden: Collection[str] | None,
    active: bool,
    record: Record | None,
) -> Iterator[Finding]:
    job = scheduler(environ)
    for name, value in sorted(declared.items()):
        if job and name in SCHEDULER_VARIABLES:
            continue
        own = local.get(name, value)
        if hidden is not None and name in hidden and name not in local and name in environ:
            continue  # its word counts more, and only a command that is started knows it
        yield from _declared(name, own, environ.get(name), active=active)
        if own != value and classify(name) == "semantic":
            yield _overridden(name, value, own)
    told = {*declared, *(hidden or ())}
    yield from _undeclared([each for each in observed(environ) if each.name not in told], record)


def _undeclared(found: Iterable[Variable], record: Record | None) -> Iterator[Finding]:
    for each in found:
        if each.kind == "semantic":
            yield _finding(
                "variable-undeclared",
                each.name,
                f"{each.name} changes results, is set here and not declared",
                severity="warning",
                actual=each.value,
                advice=f"declare it in [tool.envctl.env], or `unset {each.name}`",
            )
        elif each.kind == "host":
            yield from _host(each.name, each.value, record)


def _declared(name: str, value: str, actual: str | None, *, active: bool) -> Iterator[Finding]:
    secret = classify(name) == "secret"
    if actual == value:
        return
    if actual is None:
        how = "activate again" if active else 'eval "$(envctl activate)"'
        yield _finding(
            "variable-unset",
            name,
            f"{name} is declared and not set in this shell",
            severity="error" if active else "note",
            expected=None if secret else value,
            advice=f"{how}, or use `envctl run`",
        )
        return
    host = classify(name) == "host"
    yield _finding(
        "variable-differs",
        name,
        f"{name} has another value here than the project declares",
        severity="warning" if host else "error",
        expected=None if secret else value,
        actual=None if secret else actual,
        advice=f"`unset {name}` and activate again, or declare this value in [tool.envctl.env]",
    )


def _overridden(name: str, value: str, own: str) -> Finding:
    return _finding(
        "variable-differs",
        name,
        f"{name} changes results, and .envctl/local.toml has another value than the project declares",
        severity="warning",
        expected=value,
        actual=own,
        advice="take it out of .envctl/local.toml, or declare this value in [tool.envctl.env]",
    )


def _host(name: str, value: str | None, record: Record | None) -> Iterator[Finding]:
    if record is None:
        yield _finding(
            "variable-differs",
            name,
            f"{name} is set on this machine, which has no record to compare with",
            severity="note",
            actual=value,
            advice="`envctl record --save NAME` keeps what this machine has",
        )
        return
    known = {each.name: each.value for each in record.variables}
    if known.get(name) != value:
        yield _finding(
            "variable-differs",
            name,
            f"{name} is not as this machine's record has it",
            severity="warning",
            expected=known.get(name, "unset"),
            actual=value,
            advice="put it back, or record this machine again with `envctl record --save NAME`",
        )


def _finding(
    code: Code,
    name: str,
    message: str,
    *,
    severity: Severity,
    advice: str,
    expected: str | None = None,
    actual: str | None = None,
) -> Finding:
    return Finding(
        code=code,
        layer="variables",
        severity=severity,
        subject=name,
        message=message,
        expected=expected,
        actual=actual,
        advice=advice,
    )
