"""Sending: our whole path beside the bare transport, a user's script, and what the latency allows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from benchmarks.contender import Measurement, Task, measured
from benchmarks.figures import (
    Figure,
    alone,
    at_least,
    at_most,
    cpu_millis_each,
    interleaved,
    per_second,
    ratio,
)
from benchmarks.scale import Scale
from benchmarks.scratch import scratch
from benchmarks.sink import Sink, running_sink

_OURS = "sending_ours:send"
_MIB = 1024 * 1024


def figures(scale: Scale) -> Iterator[Figure]:
    """All figures of sending."""
    yield from _throughput(scale)
    yield from _with_latency(scale)
    yield from _memory(scale)


def _throughput(scale: Scale) -> Iterator[Figure]:
    size = f"{scale.attachment_bytes // 1000} kB"
    with running_sink() as sink:
        for in_flight in (64, 16):
            task = _task(_OURS, sink, scale, scale.messages, in_flight)
            raw, bare, script = (
                replace(task, name=f"sending_beside:{name}") for name in ("raw_loop", "bare_transport", "user_script")
            )
            ours, loops, bares, scripts = interleaved(
                [partial(_sent, sink, each) for each in (task, raw, bare, script)], scale.rounds
            )
            what = f"{size}, {in_flight} in flight, beside"
            goal = (at_least, 0.7)
            yield ratio("send", f"{what} a raw httpx loop", "msg/s", per_second(ours), per_second(loops), goal)
            yield ratio("send", f"{what} httpx's transport alone", "msg/s", per_second(ours), per_second(bares))
            if in_flight == 64:
                yield ratio(
                    "send", f"{what} a requests script", "msg/s", per_second(ours), per_second(scripts), (at_least, 2.0)
                )
                cpu = cpu_millis_each(ours)
                yield ratio(
                    "send", f"{what} a requests script", "CPU ms", cpu, cpu_millis_each(scripts), (at_most, 0.55)
                )
                yield ratio("send", f"{what} a raw httpx loop", "CPU ms", cpu, cpu_millis_each(loops))


def _with_latency(scale: Scale) -> Iterator[Figure]:
    delay = 0.1
    with running_sink(delay) as sink:
        for in_flight, goal in ((64, 0.95), (256, 0.90)):
            # Long enough for the beginning and the end, when fewer are in flight, to weigh little.
            messages = min(in_flight * 50, scale.messages)
            task = _task(_OURS, sink, scale, messages, in_flight)
            [ours] = interleaved([partial(_sent, sink, task)], min(scale.rounds, 3))
            limit = [in_flight / delay] * len(ours)
            what = f"{delay * 1000:.0f} ms latency, {in_flight} in flight, beside in-flight/latency"
            yield ratio("send", what, "msg/s", per_second(ours), limit, (at_least, goal))


def _memory(scale: Scale) -> Iterator[Figure]:
    with running_sink() as sink:
        peaks = []
        for messages in (scale.memory_messages // 10, scale.memory_messages):
            result = _sent(sink, _task(_OURS, sink, scale, messages, 64))
            peaks.append(result.peak_bytes / _MIB)
            yield alone("send", f"peak memory over {messages:,} messages", "MiB", peaks[-1], (at_most, 150))
        yield alone("send", "its growth from the one to the other", "MiB", peaks[1] - peaks[0])


def _task(name: str, sink: Sink, scale: Scale, messages: int, in_flight: int) -> Task:
    return Task(
        name=name,
        folder="",
        count=messages,
        url=sink.url,
        in_flight=in_flight,
        attachment_bytes=scale.attachment_bytes,
    )


def _sent(sink: Sink, task: Task) -> Measurement:
    """Carry out in a fresh folder, and hold the contender to what the sink has counted."""
    before = sink.sent()
    with scratch() as folder:
        result = measured(replace(task, folder=str(folder)))
    if (sent := sink.sent() - before) != task.count:
        raise RuntimeError(f"{task.name} was to send {task.count} messages; the sink has counted {sent}")
    return result
