"""Messages for Slack's incoming webhooks: blocks, and a text for notifications and old clients."""

from typing import Any

from execution_monitor.alerts.messages.content import Content


def slack_message(content: Content) -> dict[str, Any]:
    """The JSON of the message. What comes from engines and users stands as plain text: it can mention nobody."""
    blocks: list[dict[str, Any]] = [{"type": "header", "text": _plain(content.title)}]
    if content.summary:
        blocks.append({"type": "section", "text": _plain(content.summary)})
    if content.facts:
        blocks.append({"type": "section", "fields": [_plain(f"{name}: {text}") for name, text in content.facts]})
    if content.links:
        # Buttons would need an app that answers when one is pressed. Addresses are percent-encoded, and hold no `|`.
        links = "   ".join(f"<{_escaped(url)}|{text}>" for text, url in content.links)
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": links}})
    return {"text": _escaped(f"{content.title}\n{content.summary}".strip()), "blocks": blocks}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _escaped(text: str) -> str:
    """`text` without what Slack would take for a mention or a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
