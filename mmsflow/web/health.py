"""What machines ask: whether the daemon is well (anybody may), and its figures (with the token or a session)."""

from __future__ import annotations

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mmsflow.daemon.board import Board
from mmsflow.daemon.health import health_of, silent_seconds
from mmsflow.daemon.metrics import CONTENT_TYPE, Pulse, exposition


def health_routes(board: Board, allowed: Callable[[Request], bool]) -> list[Route]:
    """``/healthz`` and ``/metrics``; both answer by themselves whom they answer.

    Args:
        allowed: whether who asks may see figures.
    """

    async def healthz(_: Request) -> Response:
        health = health_of(board)
        return JSONResponse(health.as_json(), 200 if health.well else 503, {"Cache-Control": "no-store"})

    async def metrics(request: Request) -> Response:
        if not allowed(request):
            return Response("sign in, or send the token\n", 401, {"WWW-Authenticate": "Bearer"}, "text/plain")
        pulse = Pulse(health_of(board), silent_seconds(board))
        return Response(await run_in_threadpool(exposition, board, pulse), media_type=CONTENT_TYPE)

    return [Route("/healthz", healthz), Route("/metrics", metrics)]
