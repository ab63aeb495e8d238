"""Is this machine's record still what the machine is, and is each machine recorded once?"""

from collections.abc import Iterator, Sequence

from envctl.domain.finding import Finding
from envctl.domain.record import Record, machine_name
from envctl.domain.record.change import changes
from envctl.errors import RecordError


def check(saved: Record, now: Record) -> Iterator[Finding]:
    """Yield what has changed since the record was saved: ``fleet`` judges by the record, on every machine."""
    fix = _saving(saved.name or "")
    for name, before, after in changes(saved, now):
        yield Finding(
            code="record-stale",
            layer="machine",
            severity="warning",
            subject=saved.name or "",
            message=f"the record {saved.name}: {name} was {before}, and is {after}",
            expected=before,
            actual=after,
            fix=fix,
            advice=None if fix else _RENAME,
            file=f".envctl/machines/{saved.name}.toml",
        )


_RENAME = (
    "its file has a name that no machine can have: save it as another one with "
    "`envctl record --save NAME`, and delete that file"
)


def _saving(name: str) -> str | None:
    """Return the command that saves the record again; a file's name may be anything, the shell's words as well."""
    try:
        return f"envctl record --save {machine_name(name)}"
    except RecordError:
        return None


def twice(records: Sequence[Record]) -> Iterator[Finding]:
    """Yield the machines that have several names; machines that were copied with their id look like one."""
    names: dict[str, list[str]] = {}
    for record in records:
        if record.machine_id:
            names.setdefault(record.machine_id, []).append(record.name or "")
    for several in names.values():
        if len(several) > 1:
            yield Finding(
                code="record-twice",
                layer="fleet",
                severity="note",
                subject=several[0],
                message=f"{', '.join(several)} are records of one machine, by its id",
                advice="delete the older files in .envctl/machines/; machines that are copies of one another: "
                "give each its own /etc/machine-id",
            )
