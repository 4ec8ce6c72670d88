"""The benchmarks run, do the work they claim to time, and keep their figures. No time is judged here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks import contender, figures, media, planning, reporting, sending, sending_ours, startup, versions
from benchmarks.contender import Measurement, Task
from benchmarks.scale import SCALES
from benchmarks.sink import running_sink


def _in_this_process(task: Task) -> Measurement:
    """What ``contender.measured`` does in a process of its own."""
    module, _, function = task.name.partition(":")
    run = getattr(__import__(f"benchmarks.{module}", fromlist=[function]), function)
    result = run(task)
    assert isinstance(result, Measurement)
    return result


@pytest.fixture(autouse=True)
def _without_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (media, planning, reporting, sending):
        monkeypatch.setattr(module, "measured", _in_this_process)


@pytest.mark.parametrize("name", ["plan", "report", "media", "send"])
def test_a_benchmark_measures_all_its_figures_and_appends_one_line_for_each(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "figures.jsonl"

    bench.main([name, "--slice", "--append", str(kept)])

    lines = [json.loads(line) for line in kept.read_text("utf-8").splitlines()]
    shown = capsys.readouterr().out
    assert {line["bench"] for line in lines} == {"disk", name}
    assert all(line["what"] in shown for line in lines)
    assert all(line["ours"] > 0 for line in lines if "growth" not in line["what"])
    assert all(line["machine"]["cores"] for line in lines)


def test_every_command_whose_start_is_timed_ends_well(monkeypatch: pytest.MonkeyPatch) -> None:
    once: dict[str, float] = {}
    start = startup._milliseconds

    def started(command: Sequence[str], environment: dict[str, str], folder: Path) -> float:
        key = " ".join(command)
        if key not in once:
            once[key] = start(command, environment, folder)  # a failing command raises
        return once[key]

    monkeypatch.setattr(startup, "_milliseconds", started)

    assert len(list(startup.figures(SCALES["slice"]))) == 3
    assert len(once) == 6


def test_a_figure_is_held_to_its_goal_by_the_median_of_the_ratios_within_rounds() -> None:
    figure = figures.ratio("send", "x", "msg/s", [50.0, 90.0, 900.0], [100.0, 100.0, 100.0], (figures.at_least, 0.9))

    assert (figure.ratio, figure.goal, figure.met) == (0.9, "≥ 0.9", True)


def test_contenders_take_turns_and_change_their_order_every_round() -> None:
    order: list[str] = []

    figures.interleaved([lambda: order.append("ours"), lambda: order.append("beside")], 3)

    assert order == ["ours", "beside", "beside", "ours", "ours", "beside"]


def test_a_contender_that_sends_less_than_it_claims_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "measured", lambda task: Measurement(units=task.count, seconds=1.0))

    with running_sink() as sink, pytest.raises(RuntimeError, match="the sink has counted 0"):
        sending._sent(sink, Task(name="sending_ours:send", folder="", count=3, url=sink.url))


def test_the_process_of_a_contender_reports_what_it_took(tmp_path: Path) -> None:
    with running_sink() as sink:
        task = Task(name="sending_ours:send", folder=str(tmp_path), count=5, url=sink.url, attachment_bytes=5_000)
        result = contender.measured(task)
        assert sink.sent() == 5

    assert result.units == 5
    assert result.seconds > 0
    assert result.peak_bytes > 0


def test_every_message_of_a_benchmark_has_its_own_number() -> None:
    numbers = {sending_ours.msisdn(number) for number in (*range(1, 5_000), 999_999, 1_000_000, 1_000_001)}

    assert len(numbers) == 4_999 + 3


def test_two_versions_are_measured_in_turn_and_compared_pair_by_pair(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured_in: list[Path] = []

    @contextmanager
    def another(revision: str) -> Iterator[Path]:
        yield tmp_path / revision

    def measured(task: Task, root: Path) -> Measurement:
        measured_in.append(root)
        return _in_this_process(task)

    monkeypatch.setattr(versions, "checked_out", another)
    monkeypatch.setattr(versions, "measured", measured)
    bench.main(["send", "--slice", "--against", "v1", "--pairs", "2"])
    assert sorted(path.name == "v1" for path in measured_in) == [False, False, True, True]
    assert "95 % interval of that ratio: its upper end" in capsys.readouterr().out


def test_the_interval_of_paired_ratios_holds_their_mean_and_shrinks_with_their_number() -> None:
    few, many = versions.interval([0.9, 1.1]), versions.interval([0.9, 1.1] * 50)
    assert few[0] < many[0] < 1.0 < many[1] < few[1]
    assert versions.interval([1.25] * 5) == pytest.approx((1.25, 1.25))
