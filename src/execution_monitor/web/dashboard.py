"""The dashboard and GraphiQL: two pages and their assets, as the build left them in `static/`."""

from collections.abc import Callable, Mapping
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from execution_monitor.asgi.headers import accepts_gzip

BUILD = Path(__file__).parent / "static"

# What the router of the dashboard knows (src/dashboard/src/app/App.tsx): each is the one page.
_ADDRESSES = ("/", "/signed-in", "/executions/{execution_id:path}")

_MEDIA_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".woff2": "font/woff2",
}

# Everything comes from this server; scripts and styles are files, never text in the page.
_POLICY = {
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
# The editor of GraphiQL writes style elements and draws from data: URLs, and checks operations in workers.
_GRAPHIQL_POLICY = {
    **_POLICY,
    "font-src": "'self' data:",
    "img-src": "'self' data:",
    "style-src": "'self' 'unsafe-inline'",
    "worker-src": "'self'",
}
_PAGE_HEADERS = {
    # The page names its assets by their hashes: it must be the newest.
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
    """The pages at `/` and, with `explorer`, `/graphiql`, and their assets from the folder `build`.

    503 says that it is not there.
    """
    page = _page(build / "index.html", _POLICY)
    return [
        *(Route(address, page) for address in _ADDRESSES),
        *([Route("/graphiql", _page(build / "graphiql.html", _GRAPHIQL_POLICY))] if explorer else []),
        Route("/assets/{name}", _assets(build / "assets")),
    ]


def _page(file: Path, policy: Mapping[str, str]) -> Callable[[Request], Response]:
    content_security_policy = "; ".join(f"{directive} {sources}" for directive, sources in policy.items())
    headers = {**_PAGE_HEADERS, "Content-Security-Policy": content_security_policy}

    def answer(_: Request) -> Response:
        if not file.is_file():
            return PlainTextResponse(_NOT_BUILT, 503, _PAGE_HEADERS)
        return FileResponse(file, headers=headers, media_type="text/html")

    return answer


def _assets(folder: Path) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        # One part of the path: the router has seen that it holds no slash.
        file = folder / request.path_params["name"]
        media_type = _MEDIA_TYPES.get(file.suffix)
        if media_type is None or not _is_file(file):
            raise HTTPException(404)
        packed = file.with_name(f"{file.name}.gz")
        if accepts_gzip(request.headers) and _is_file(packed):
            return FileResponse(packed, headers={**_ASSET_HEADERS, "Content-Encoding": "gzip"}, media_type=media_type)
        return FileResponse(file, headers=_ASSET_HEADERS, media_type=media_type)

    return answer


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long for the file system
        return False
