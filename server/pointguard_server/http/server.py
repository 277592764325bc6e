"""The HTTP server: ``/metrics`` for Prometheus, ``/healthz`` (alive) and ``/readyz`` (takes requests, or why not)."""

from dataclasses import asdict

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from pointguard_server.service.health import Health, is_ready
from pointguard_server.service.metrics import Metrics


class HttpServer:
    """Serves the operator's pages of one process."""

    def __init__(self, metrics: Metrics, health: Health) -> None:
        self._metrics = metrics
        self._health = health
        application = web.Application(client_max_size=64 * 1024)
        application.router.add_get("/metrics", self._show_metrics)
        application.router.add_get("/healthz", self._show_alive)
        application.router.add_get("/readyz", self._show_ready)
        self._runner = web.AppRunner(application, access_log=None, handle_signals=False)

    async def start(self, host: str, port: int) -> int:
        """Listen and return the port (given 0: any free one).

        Raises:
            OSError: if the address cannot be had.
        """
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise OSError(f"cannot listen on {host}:{port}") from error
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close all connections."""
        await self._runner.cleanup()

    async def _show_metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _show_alive(self, _request: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def _show_ready(self, _request: web.Request) -> web.Response:
        findings = self._health.findings()
        ready = is_ready(findings)
        checks = {name: asdict(finding) for name, finding in findings.items()}
        return web.json_response({"ready": ready, "checks": checks}, status=200 if ready else 503)
