"""Is this machine's record still what the machine is, and is each machine recorded once?"""

from collections.abc import Iterator, Sequence

from envctl.domain.finding import Finding
from envctl.domain.record import Record
from envctl.domain.record.change import changes


def check(saved: Record, now: Record) -> Iterator[Finding]:
    """Yield what has changed since the record was saved: ``fleet`` judges by the record, on every machine."""
    for name, before, after in changes(saved, now):
        yield Finding(
            code="record-stale",
            layer="machine",
            severity="warning",
            subject=saved.name or "",
            message=f"the record {saved.name}: {name} was {before}, and is {after}",
            expected=before,
            actual=after,
            fix=f"envctl record --save {saved.name}",
        )


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
