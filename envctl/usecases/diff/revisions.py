"""A git revision on the command line: the project's locks as they were then, or one file of it."""

from envctl.errors import DescriptionError
from envctl.usecases.diff import files
from envctl.usecases.diff.found import Doors, Found

_SHORT = 10


def pair(doors: Doors, word: str) -> tuple[str, str] | None:
    """Split ``A..B`` and ``A...B`` as git does (an empty side is HEAD); ``None``: it is no such pair."""
    for dots in ("...", ".."):
        a, found, b = word.partition(dots)
        if (
            not found
            or doors.place(word)
            or "/.." in word
            or word == ".."
            or word.startswith("../")
        ):
            continue
        a, b = a or "HEAD", b or "HEAD"
        return (f"{a}...{b}" if dots == "..." else a), b
    return None


def revision(doors: Doors, word: str) -> Found | None:
    """Return the project's locks in a commit; ``None``: git knows no such revision."""
    commit = doors.revision(word)
    if commit is None:
        return None
    said = f"{word} ({commit[:_SHORT]})"
    names = [name for name in doors.listing_at(commit) if files.LOCK_NAME.fullmatch(name)]
    if not names:
        here = doors.project() is not None
        later = "name a later one" if here else "go to a project's folder"
        raise DescriptionError(
            f"that commit has no lock {'of this project' if here else 'in this folder, which is no project'}",
            where=said,
            hint=f"{later}, or name a file of it as `REVISION:PATH`",
        )
    texts = {name: doors.text_at(commit, name) or "" for name in names}
    locks = {name: files.lock_of(text, f"{commit[:_SHORT]}:{name}") for name, text in texts.items()}
    return Found(kind="lock", name=f"{said}: {', '.join(locks)}", locks=locks, whole=True)


def unknown(doors: Doors) -> str:
    """Return what to do about a revision that git does not know."""
    if not doors.repository():
        return "this is no git repository, or there is no git: name two things that are here"
    if doors.revision("HEAD") is None:
        return "there is no commit yet: make one, or name two things that are here"
    return "git knows no such revision here: `git log` lists those that there are"


def file(doors: Doors, word: str) -> Found | None:
    """Return one file of a commit (``HEAD~1:pylock.toml``), or of what is staged (``:pylock.toml``)."""
    name, colon, path = word.partition(":")
    if not (colon and path):
        return None
    commit = doors.revision(name) if name else ""
    if commit is None:
        return None
    text = doors.text_at(commit, path)
    if text is None:
        where = f"revision `{name}`" if name else "what is staged"
        if "/" not in path and not path.endswith((".toml", ".json")):
            return None  # an image and its tag, called like a branch
        raise DescriptionError(
            f"there is no such file in {where}",
            where=word,
            hint=f"`git ls-tree {name or 'HEAD'}` lists what there is",
        )
    return files.read(text, word, f"{word} ({commit[:_SHORT]})" if commit else f"{path}, as staged")
