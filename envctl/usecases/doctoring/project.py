"""The project's own files: can they be read at all? Whether they agree is what `verify` says."""

from collections.abc import Iterator

from envctl.domain.diagnosis import Diagnosis
from envctl.domain.profile import variants
from envctl.usecases import load
from envctl.usecases.doctoring.subject import Subject

_NAME = "project"


def look(subject: Subject) -> Iterator[Diagnosis]:
    """Read the manifest, this machine's own settings and the locks."""
    project = subject.project()
    if project is None:
        message = "this folder is in no project: only the machine is looked at"
        yield Diagnosis(check=_NAME, state="ok", message=message)
        return
    manifest = subject.manifest()
    if manifest is None:
        yield Diagnosis(
            check=_NAME,
            state="warn",
            message=f"the project has no {load.MANIFEST} yet",
            mend="`envctl init`",
        )
        return
    load.local(project)
    names = [each.lock_name for each in variants(manifest)]
    missing = [name for name in names if load.lock(project, name) is None]
    if missing:
        message = f"{load.MANIFEST} can be read; not locked yet: {', '.join(missing)}"
        yield Diagnosis(check=_NAME, state="warn", message=message, mend="`envctl lock`")
        return
    message = f"{load.MANIFEST} and {', '.join(names)} can be read; `envctl verify` compares them"
    yield Diagnosis(check=_NAME, state="ok", message=message)
