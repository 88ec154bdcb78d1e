"""Messages for workflows of Microsoft Teams ("when a webhook request is received"): one Adaptive Card."""

from typing import Any

from execution_monitor.alerts.messages.content import Content


def teams_message(content: Content) -> dict[str, Any]:
    """The JSON of the message. Runs of text are never read as Markdown: what users write can make no link."""
    color = "Good" if content.resolved_at is not None else "Attention"
    title = _paragraph({"type": "TextRun", "text": content.title, "weight": "Bolder", "size": "Large", "color": color})
    facts = [
        _paragraph(_run(f"{name}: ") | {"weight": "Bolder"}, _run(text), spacing="Small")
        for name, text in content.facts
    ]
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [title, *([_paragraph(_run(content.summary))] if content.summary else []), *facts],
        "actions": [{"type": "Action.OpenUrl", "title": text, "url": url} for text, url in content.links],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _paragraph(*runs: dict[str, Any], spacing: str = "Default") -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": list(runs), "spacing": spacing}


def _run(text: str) -> dict[str, Any]:
    return {"type": "TextRun", "text": text}
