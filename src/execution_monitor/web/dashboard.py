"""Serve the dashboard and GraphiQL: two pages and their assets, which the build writes into `static/`."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path, PurePath

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from execution_monitor.asgi.headers import accepts_gzip
from execution_monitor.web.assets import Assets
from execution_monitor.web.preloads import Preloads

BUILD = Path(__file__).parent / "static"

# The routes of the dashboard's own router (src/dashboard/src/app/App.tsx), and the module that it imports for each.
PATHS = {
    "/": "overview/OverviewPage.tsx",
    "/alerts": "alerts/AlertsPage.tsx",
    "/alerts/rules": "alerts/RulesPage.tsx",
    "/api": "api/ApiPage.tsx",
    "/audit": "audit/AuditPage.tsx",
    "/compare": "detail/ComparePage.tsx",
    "/connect": "connect/ConnectPage.tsx",
    "/executions": "list/ListPage.tsx",
    "/executions/{execution_id:path}": "detail/DetailPage.tsx",
    "/failures": "failures/FailuresPage.tsx",
    "/keys": "keys/KeysPage.tsx",
    "/overview": "overview/OverviewPage.tsx",
    "/signed-in": "session/SignInCallback.tsx",
    "/webhooks": "webhooks/WebhooksPage.tsx",
    "/workflows/{name:path}": "workflow/WorkflowPage.tsx",
}
# The messages of all pages that are loaded when they are visited; the others have theirs with the frame.
_MESSAGES = "messages/en/pages.ts"
_WITHOUT_MESSAGES = {"list/ListPage.tsx", "session/SignInCallback.tsx"}

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
    index, preloads = build / "index.html", Preloads(build)
    return [
        *(Route(path, _page(index, _CONTENT_SECURITY_POLICY, _tags(preloads, page))) for path, page in PATHS.items()),
        *([Route("/graphiql", _page(build / "graphiql.html", _GRAPHIQL_POLICY))] if explorer else []),
        Route("/assets/{name}", _serve_asset(Assets(build / "assets"))),
    ]


def _page(file: Path, policy: Mapping[str, str], tags: Callable[[], str] = str) -> Callable[[Request], Response]:
    content_security_policy = "; ".join(f"{directive} {sources}" for directive, sources in policy.items())
    headers = {**_PAGE_HEADERS, "Content-Security-Policy": content_security_policy}

    def serve(_: Request) -> Response:
        try:
            page = file.read_text(encoding="utf-8")
        except OSError:
            return PlainTextResponse(_NOT_BUILT, 503, _PAGE_HEADERS)
        return HTMLResponse(page.replace("</head>", f"{tags()}</head>", 1), headers=headers)

    return serve


def _tags(preloads: Preloads, page: str) -> Callable[[], str]:
    modules = (page,) if page in _WITHOUT_MESSAGES else (page, _MESSAGES)
    return partial(preloads.tags_for, tuple(f"src/{module}" for module in modules))


def _serve_asset(assets: Assets) -> Callable[[Request], Awaitable[Response]]:
    # Not in a thread: a first visit asks for some twenty files at once, and each is in memory.
    async def serve(request: Request) -> Response:
        # The router lets no slash into a name.
        name = request.path_params["name"]
        media_type = _MEDIA_TYPES.get(PurePath(name).suffix)
        if media_type is None or (content := assets.find(name)) is None:
            raise HTTPException(404)
        compressed = assets.find(f"{name}.gz") if accepts_gzip(request.headers) else None
        if compressed is not None:
            return Response(compressed, headers={**_ASSET_HEADERS, "Content-Encoding": "gzip"}, media_type=media_type)
        return Response(content, headers=_ASSET_HEADERS, media_type=media_type)

    return serve
