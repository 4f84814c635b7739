"""Questions asked of tables that grow: what reads them whole is noticed, and nothing that runs by itself does."""

from sqlalchemy import Connection, text

from benchmarks.rows.live import Live
from benchmarks.rows.operations import Operation, undone
from benchmarks.rows.run import Wanted, measure

WHOLE = text("select sum(ran_seconds) from stage_runs")
BY_INDEX = text("select count(*) from stage_runs where job_id = :id")
EVER_MORE = text("select count(at) from events where id > 0")


def whole(connection: Connection, _live: Live, _number: int) -> None:
    connection.execute(WHOLE)


def by_index(connection: Connection, live: Live, number: int) -> None:
    connection.execute(BY_INDEX, {"id": live.finished[number]})


def ever_more(connection: Connection, _live: Live, _number: int) -> None:
    connection.execute(text("set local enable_seqscan = off"))
    connection.execute(EVER_MORE)


def test_what_reads_more_in_larger_tables_is_noticed() -> None:
    asked = [
        Operation("whole", undone(whole)),
        Operation("ever more", undone(ever_more)),
        Operation("by index", undone(by_index)),
        Operation("whole by right", undone(whole), "adds everything up"),
    ]
    found = measure(Wanted(jobs=(3_000, 100), repetitions=6), asked)
    assert len(found.faults) == 3
    first, second, third = found.faults
    assert first.startswith("whole: reads stage_runs from end to end, 9,")
    assert second.startswith("whole: ")
    assert third.startswith("ever more: ")
    assert [sizes[3_000].ways for sizes in found.by_operation.values()] == [
        ["stage_runs whole"],
        ["events by pk_events"],
        ["stage_runs by uq_stage_runs_job_id_position"],
        ["stage_runs whole"],
    ]


def test_nothing_that_runs_by_itself_reads_a_large_table_whole() -> None:
    assert measure(Wanted(jobs=(40_000,), repetitions=6)).faults == []
