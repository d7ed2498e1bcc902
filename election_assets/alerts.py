"""Alerts: what somebody should know at once, sent to a webhook."""

import requests

from election_assets.errors import TransientError

_TIMEOUT_SECONDS = 10


def send_alert(webhook: str | None, text: str, **facts: str) -> None:
    """Post `text`, and the `facts` it is made of, as JSON to a webhook; nothing where none is set.

    Chat programs take `text` as the message. Raises TransientError where it is not accepted.
    """
    if not webhook:
        return
    try:
        requests.post(webhook, json={"text": text, **facts}, timeout=_TIMEOUT_SECONDS).raise_for_status()
    except requests.RequestException as error:
        raise TransientError(
            f"The alert was not accepted by ELECTION_ALERT_WEBHOOK ({type(error).__name__}); it said: {text}"
        ) from error
