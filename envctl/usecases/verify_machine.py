"""Can this machine run what is synced here, and has this shell the declared variables? Two layers of ``verify``."""

from collections.abc import Collection, Iterator

from envctl.checks import machine as machine_check
from envctl.checks import record as record_check
from envctl.checks import variables as variables_check
from envctl.domain.finding import Finding
from envctl.domain.fleet.view import Offer, oldest_python
from envctl.domain.lock import Lock
from envctl.domain.manifest import Manifest
from envctl.domain.manifest.local import Local
from envctl.errors import InterpreterError, LockError, ManifestError, ProjectError
from envctl.usecases import build, load
from envctl.usecases.choice import contract_here, runs_here
from envctl.usecases.record import this_machine
from envctl.usecases.surroundings import Surroundings
from envctl.usecases.team import team
from envctl.usecases.verify_environment import wanted_here


def variables(around: Surroundings, _manifest: Manifest, lock: Lock) -> Iterator[Finding]:
    """Compare this shell's variables with the declared ones, and with this machine's record."""
    current = around.environments.current()
    active = bool(current.path) and around.environ.get("VIRTUAL_ENV") in (
        current.path,
        str(around.project.root / ".venv"),
    )
    records = team(around.project).records  # of those that cannot be read the layer `fleet` tells
    record = this_machine(records, around.record().machine_id) if records else None
    local = load.local(around.project)
    yield from variables_check.check(
        lock.env,
        around.environ,
        local=local.env,
        hidden=_names(around, local),
        active=active,
        record=record,
    )


def _names(around: Surroundings, local: Local) -> Collection[str] | None:
    """Return the names that the ``env-file`` sets; ``None`` where it cannot be read."""
    try:
        return load.env_files(around.project, local, around.environ)[1].keys()
    except (ManifestError, ProjectError):
        return None


def machine(around: Surroundings, manifest: Manifest, lock: Lock) -> Iterator[Finding]:
    """Judge this machine by the lock's contract, and its record by what it is now."""
    record = around.record()
    contract, torch = contract_here(manifest, lock, record)
    python = oldest_python(Offer(manifest=manifest, lock=lock))

    def other() -> str | None:
        try:
            platform = around.here(manifest).platform
        except InterpreterError:  # the layer `environment` says it
            return None
        return runs_here(around.project, manifest.profile, platform, record)

    yield from machine_check.check(
        contract, record, manifest.gpu, torch=torch, python=python, other=other
    )
    if saved := this_machine(team(around.project).records, record.machine_id):
        yield from record_check.check(saved, record)
    if lock.builds.builds:
        yield from _building(around, manifest, lock)


def _building(around: Surroundings, manifest: Manifest, lock: Lock) -> Iterator[Finding]:
    """Look for compilers only where something is still to be built."""
    try:
        want = wanted_here(around, manifest, lock)
        stamp = around.environments.current().stamp
        if stamp is None or stamp.slice_digest != want.items.digest:
            yield from build.lacking(want.items.items, want.site, around.workshop())
    except LockError:  # the layer `environment` says it
        return
