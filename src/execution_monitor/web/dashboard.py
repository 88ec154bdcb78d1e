"""Serve the dashboard and GraphiQL: two pages and their assets, which the build writes into `static/`."""

from collections.abc import Callable, Mapping
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from execution_monitor.asgi.headers import accepts_gzip

BUILD = Path(__file__).parent / "static"

# The routes of the dashboard's own router (src/dashboard/src/app/App.tsx): all are the same page.
_PATHS = (
    "/",
    "/alerts",
    "/alerts/rules",
    "/api",
    "/audit",
    "/compare",
    "/connect",
    "/executions",
    "/executions/{execution_id:path}",
    "/failures",
    "/keys",
    "/overview",
    "/signed-in",
    "/webhooks",
    "/workflows/{name:path}",
)

_MEDIA_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".woff2": "font/woff2",
}

# Everything comes from this server; scripts and styles are files, never inline.
_CONTENT_SECURITY_POLICY = {
    "default-src": "'none'",
    "base-uri": "'none'",
    "connect-src": "'self'",
    "font-src": "'self'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "img-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self'",
}
# GraphiQL's editor adds style elements, uses data: URLs, and validates operations in workers.
_GRAPHIQL_POLICY = {
    **_CONTENT_SECURITY_POLICY,
    "font-src": "'self' data:",
    "img-src": "'self' data:",
    "style-src": "'self' 'unsafe-inline'",
    "worker-src": "'self'",
}
_PAGE_HEADERS = {
    # The page refers to its assets by their hashes: it must be the newest.
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_ASSET_HEADERS = {
    # A year: an asset's name holds the hash of its content.
    "Cache-Control": "public, max-age=31536000, immutable",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}
_NOT_BUILT = "The dashboard has not been built. Run `make dashboard` (Node.js 20 with npm), or install a wheel.\n"


def dashboard_routes(build: Path = BUILD, *, explorer: bool = True) -> list[Route]:
    """The routes of the pages `/` and, with `explorer`, `/graphiql`, and of their assets in the folder `build`.

    Without a build they return 503.
    """
    page = _page(build / "index.html", _CONTENT_SECURITY_POLICY)
    return [
        *(Route(path, page) for path in _PATHS),
        *([Route("/graphiql", _page(build / "graphiql.html", _GRAPHIQL_POLICY))] if explorer else []),
        Route("/assets/{name}", _assets(build / "assets")),
    ]


def _page(file: Path, policy: Mapping[str, str]) -> Callable[[Request], Response]:
    content_security_policy = "; ".join(f"{directive} {sources}" for directive, sources in policy.items())
    headers = {**_PAGE_HEADERS, "Content-Security-Policy": content_security_policy}

    def serve(_: Request) -> Response:
        if not file.is_file():
            return PlainTextResponse(_NOT_BUILT, 503, _PAGE_HEADERS)
        return FileResponse(file, headers=headers, media_type="text/html")

    return serve


def _assets(folder: Path) -> Callable[[Request], Response]:
    def serve(request: Request) -> Response:
        # The router lets no slash into a name.
        file = folder / request.path_params["name"]
        media_type = _MEDIA_TYPES.get(file.suffix)
        if media_type is None or not _is_file(file):
            raise HTTPException(404)
        compressed = file.with_name(f"{file.name}.gz")
        if accepts_gzip(request.headers) and _is_file(compressed):
            return FileResponse(
                compressed, headers={**_ASSET_HEADERS, "Content-Encoding": "gzip"}, media_type=media_type
            )
        return FileResponse(file, headers=_ASSET_HEADERS, media_type=media_type)

    return serve


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long for the file system
        return False
