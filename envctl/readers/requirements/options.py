"""What a requirements file's own options say: its indexes, and what a manifest has no word for."""

from optparse import Values

from envctl.domain.imported import FoundIndex, Note
from envctl.readers import addresses

CREDENTIALS = (
    "the user name or password in that address was left out: give it through your keyring, ~/.netrc or the "
    "environment, then the address is the same for everyone"
)


class Indexes:
    """The indexes named so far; as pip has it, the last ``--index-url`` is the one that counts."""

    def __init__(self) -> None:
        self._default: FoundIndex | None = None
        self._extra: dict[str, FoundIndex] = {}

    def found(self) -> tuple[FoundIndex, ...]:
        """Return every index once, the default one first."""
        default = (self._default,) if self._default else ()
        extra = (i for i in self._extra.values() if not default or i.url != default[0].url)
        return (*default, *extra)

    def take(self, options: Values, above: tuple[str, ...], where: str) -> tuple[list[Note], bool]:
        """Take a line's index options with the comments above it; return notes, and whether all were taken."""
        urls = [(url, True) for url in (options.index_url or ())[-1:]]
        urls += [(url, False) for url in options.extra_index_url or ()]
        notes: list[Note] = []
        whole = True
        for url, default in urls:
            clean, message = carried(url)
            if message:
                notes.append(Note(where=where, message=message))
            if clean is None:
                whole = False
                continue
            index = FoundIndex(url=clean, default=default, above=above)
            above = ()
            if default and self._default and self._default.url != clean:
                said = f"this index replaces {self._default.url}, as it does for pip"
                notes.append(Note(where=where, message=said))
            if default:
                self._default = index
            else:
                self._extra.setdefault(clean, index)
        return notes, whole


def carried(url: str) -> tuple[str | None, str]:
    """Return an index's address as a manifest may hold it, and what is to be said about it."""
    clean = addresses.public(url)
    if clean is None:
        return None, "that index has something secret in its address: add it by hand, without that"
    if not clean.startswith(("http://", "https://")):
        return None, f"the index `{clean}` is on this machine only: serve it over HTTP"
    if "${" in clean:
        return None, f"the index `{clean}` depends on the environment: write the address itself"
    return clean.rstrip("/"), CREDENTIALS if clean != url else ""


def left_out(options: Values, where: str, *, has_text: bool) -> list[Note]:
    """Return a note for each option of a line that is not carried over."""
    notes: list[Note] = []
    for name, reason in _NOT_CARRIED.items():
        value = getattr(options, name.replace("-", "_"))
        if value is not None:
            said = f"--{name}" if value is True else f"--{name} {' '.join(value)}"
            notes.append(Note(where=where, message=f"`{addresses.redacted(said)}`: {reason}"))
    # pip takes one thing from a line: the requirement, or the first of these.
    named = [
        f"{flag} {value}"
        for flag, values in (
            ("-e", options.editable),
            ("-r", options.requirement),
            ("-c", options.constraint),
        )
        for value in values or ()
    ]
    for said in named[0 if has_text else 1 :]:
        message = f"`{addresses.redacted(said)}`: pip ignores it there; give it a line of its own"
        notes.append(Note(where=where, message=message))
    if (has_text or named) and (options.index_url or options.extra_index_url):
        said = "pip ignores an index option there, and so does envctl"
        notes.append(Note(where=where, message=said))
    return notes


_NOT_CARRIED = {
    "find-links": "a lock names indexes only; serve these files as one",
    "no-index": "a lock names indexes only",
    "pre": "name the pre-release that you want instead, for example `name>=2.0rc1`",
    "all-releases": "name the pre-release that you want instead, for example `name>=2.0rc1`",
    "only-final": "final releases are what the resolver takes anyway",
    "no-binary": "envctl chooses between wheels and sources by itself",
    "only-binary": "envctl chooses between wheels and sources by itself",
    "prefer-binary": "envctl chooses between wheels and sources by itself",
    "trusted-host": "that is for each machine's own configuration",
    "use-feature": "that is pip's own",
    "require-hashes": "the lock holds the hashes of every file, and they are always checked",
    "no-require-hashes": "the lock holds the hashes of every file, and they are always checked",
    "global-option": "options for a package's build are not carried over",
    "config-settings": "options for a package's build are not carried over",
}
