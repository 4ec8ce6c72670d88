"""What sending is measured beside: loops that post the same bytes and remember nothing, and a user's script."""

from __future__ import annotations

import asyncio
import csv
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import aiohttp
import httpx
import requests
from httpx_aiohttp import AiohttpTransport

from benchmarks.contender import Measurement, Stopwatch, Task
from benchmarks.sending_ours import msisdn, picture, subject
from mmsflow.gateway.client import SEND_PATH
from mmsflow.gateway.model import OutgoingMessage
from mmsflow.gateway.multipart import MultipartForm
from mmsflow.gateway.wire import message_part

_THREADS = 16


def raw_loop(task: Task) -> Measurement:
    """httpx on aiohttp, one body made before, ``task.in_flight`` loops posting it."""
    return asyncio.run(_raw_loop(task))


async def _raw_loop(task: Task) -> Measurement:
    body, headers = _request(task)
    async with httpx.AsyncClient(transport=_transport(task), timeout=60) as client:

        async def post() -> None:
            reply = await client.post(task.url + SEND_PATH, content=body, headers=headers)
            _check(reply.json())

        return await _looped(task, post)


def bare_transport(task: Task) -> Measurement:
    """The same below httpx's client: its transport driven directly, as our own client does."""
    return asyncio.run(_bare_transport(task))


async def _bare_transport(task: Task) -> Measurement:
    body, headers = _request(task)
    transport = _transport(task)
    url = httpx.URL(task.url + SEND_PATH)

    async def post() -> None:
        reply = await transport.handle_async_request(httpx.Request("POST", url, headers=headers, content=body))
        await reply.aread()
        await reply.aclose()
        _check(reply.json())

    try:
        return await _looped(task, post)
    finally:
        await transport.aclose()


def user_script(task: Task) -> Measurement:
    """A ``requests`` session in 16 threads, and a line in a CSV log for each reply."""
    body, headers = _request(task)
    lock, watch = threading.Lock(), Stopwatch()
    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=_THREADS))
    with (
        session,
        Path(task.folder, "log.csv").open("w", newline="") as file,
        ThreadPoolExecutor(_THREADS) as pool,
        watch.running(),
    ):
        log = csv.writer(file)

        def post(number: int) -> None:
            reply = session.post(task.url + SEND_PATH, data=body, headers=headers, timeout=60)
            with lock:
                log.writerow((number, reply.status_code, reply.json()["authenticationId"]))

        for _ in pool.map(post, range(task.count)):
            pass
    return watch.measurement(task.count)


async def _looped(task: Task, post: Callable[[], Awaitable[None]]) -> Measurement:
    numbers = count()

    async def loop() -> None:
        while next(numbers) < task.count:
            await post()

    watch = Stopwatch()
    with watch.running():
        await asyncio.gather(*(loop() for _ in range(task.in_flight)))
    return watch.measurement(task.count)


def _transport(task: Task) -> AiohttpTransport:
    connector = aiohttp.TCPConnector(limit=task.in_flight)
    session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
    return AiohttpTransport(client=session, trust_env=False)


def _request(task: Task) -> tuple[bytes, dict[str, str]]:
    """Body and headers as our client would make them for one of the messages."""
    message = OutgoingMessage(msisdn(1), subject(1), "ACME", "Normal", True)
    kind, chunks = MultipartForm().build(message_part(message), [picture(task.attachment_bytes)])
    headers = {"Accept": "application/json", "Authorization": "Bearer bench-token-0123456789", "Content-Type": kind}
    return b"".join(chunks), headers


def _check(answer: dict[str, str]) -> None:
    if not answer["authenticationId"]:
        raise RuntimeError("the sink gave no id")
