"""Put envctl's hooks into a repository, take them out, and say which are active and by which means."""

from envctl.domain.hooks.state import Done, Means, Shown, Wish
from envctl.errors import UsageError
from envctl.usecases.hooked.doors import Doors
from envctl.usecases.hooks import configured, scripts


def install(doors: Doors, wish: Wish) -> Done:
    """Put the hooks in; a second time changes nothing.

    Raises ``ManifestError`` for a configuration that cannot be added to, ``ProjectError`` for hooks of others that ours
    would get into the way of.
    """
    means = wish.means or ("pre-commit" if configured.used(doors) else "git")
    if means == "git" and wish.origin is not None:
        raise UsageError(
            "a hook of git's own runs the envctl of this machine, not that of a repository",
            where="--repo",
            hint="leave `--repo` and `--rev` out, or add `--by pre-commit`",
        )
    with doors.folder.locked():
        if means == "pre-commit":
            done = configured.install(doors, wish)
            twice = any(True for _ in scripts.active(doors))
        else:
            changed, notes = scripts.install(doors, wish.hooks)
            done = Done(means="git", changed=changed, notes=tuple(notes))
            twice = any(True for _ in configured.active(doors))
    if twice:
        other = "git" if means == "pre-commit" else "pre-commit"
        note = f"they are there by {other} as well: `envctl hooks uninstall --by {other}`"
        return Done(means=means, changed=done.changed, notes=(*done.notes, note), next=done.next)
    return done


def uninstall(doors: Doors, only: Means | None = None) -> Done:
    """Take out what envctl put in, by both means or one; every byte around it stays."""
    changed: tuple[str, ...] = ()
    notes: list[str] = []
    with doors.folder.locked():
        if only != "git":
            changed, notes = configured.uninstall(doors)
        if only != "pre-commit":
            gone, more = scripts.uninstall(doors)
            changed, notes = changed + gone, notes + more
    return Done(means=only or "git", changed=changed, notes=tuple(notes))


def show(doors: Doors) -> Shown:
    """Say which hooks are there and whether git starts them; nothing is changed."""
    active = (*configured.active(doors), *scripts.active(doors))
    theirs = {name for each in active if each.means != "git" for name in each.lacking}
    steps = []
    if not active:
        steps.append("put them in: `envctl hooks install`")
    if any(not each.current or (each.means == "git" and each.lacking) for each in active):
        steps.append("bring them up to date: `envctl hooks install`")
    if theirs:
        steps.append(f"let git start them: {configured.start(doors, theirs)}")
    return Shown(active=active, next=tuple(steps))
